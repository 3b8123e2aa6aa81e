// SPDX-License-Identifier: MIT
// Reading JSON with simdjson's DOM parser.
#include <fmt/format.h>
#include <simdjson.h>

#include <vmfleet/base/json.hpp>
#include <vmfleet/base/text.hpp>

namespace vmfleet::json {

namespace {

Value convert(simdjson::dom::element element) {
  using simdjson::dom::element_type;
  switch (element.type()) {
    case element_type::ARRAY: {
      Array array;
      for (auto item : simdjson::dom::array(element)) array.push_back(convert(item));
      return array;
    }
    case element_type::OBJECT: {
      Object object;
      for (auto [key, value] : simdjson::dom::object(element)) {
        object.append(std::string(key), convert(value));
      }
      return object;
    }
    case element_type::INT64:
      return std::int64_t(element);
    case element_type::UINT64:
      return std::uint64_t(element);
    case element_type::DOUBLE:
      return double(element);
    case element_type::STRING:
      return std::string_view(element);
    case element_type::BOOL:
      return bool(element);
    case element_type::NULL_VALUE:
      return nullptr;
    default:
      return nullptr;
  }
}

}  // namespace

Result<Value> parse(std::string_view text) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  const auto error = parser.parse(simdjson::padded_string(text)).get(root);
  if (error != simdjson::SUCCESS) {
    constexpr std::size_t kShown = 120;
    return Error(ErrorKind::protocol, fmt::format("invalid JSON ({} bytes): {}", text.size(),
                                                  simdjson::error_message(error)))
        .evidence(sanitize(text.substr(0, kShown)));
  }
  return convert(root);
}

}  // namespace vmfleet::json
