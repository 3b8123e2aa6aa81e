// SPDX-License-Identifier: MIT
// Arguments of QMP commands.
#include "cli/qmp_arguments.hpp"

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>

namespace vmfleet::cli {

namespace {

Error refused(const std::string& word, const std::string& why) {
  return Error(ErrorKind::invalid_config, fmt::format("'{}' {}", sanitize(word), why))
      .hint("arguments are one JSON object, or words like id=net0 and enable=true");
}

bool set_path(json::Object& object, std::string_view path, json::Value value) {
  const auto dot = path.find('.');
  const std::string key(path.substr(0, dot));
  if (key.empty()) return false;
  const json::Value* present = object.find(key);
  if (dot == std::string_view::npos) {
    if (present != nullptr) return false;
    object.set(key, std::move(value));
    return true;
  }
  if (present != nullptr && !present->is_object()) return false;
  json::Object inner;
  if (present != nullptr) inner = *present->as_object();
  if (!set_path(inner, path.substr(dot + 1), std::move(value))) return false;
  object.set(key, std::move(inner));
  return true;
}

}  // namespace

Result<json::Value> parse_qmp_arguments(const std::vector<std::string>& words) {
  if (words.empty()) return json::Value();
  if (trim(words.front()).rfind('{', 0) == 0) {
    if (words.size() > 1) return refused(words[1], "comes after the JSON object");
    auto value = json::parse(words.front());
    if (value.ok()) return std::move(value).value();
    return refused(words.front(), fmt::format("is not JSON: {}", value.error().message()));
  }
  json::Object object;
  for (const auto& word : words) {
    const auto equals = word.find('=');
    if (equals == std::string::npos) return refused(word, "is not key=value");
    const std::string text = word.substr(equals + 1);
    auto parsed = json::parse(text);
    json::Value value = parsed.ok() ? std::move(parsed).value() : json::Value(text);
    if (!set_path(object, std::string_view(word).substr(0, equals), std::move(value))) {
      return refused(word, "names a key that is empty or already has a value");
    }
  }
  return json::Value(std::move(object));
}

}  // namespace vmfleet::cli
