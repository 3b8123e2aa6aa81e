// SPDX-License-Identifier: MIT
// TOML, with toml++.
#include <algorithm>
#include <tuple>

#include <fmt/format.h>
#include <toml++/toml.h>

#include <vmfleet/base/error.hpp>
#include <vmfleet/base/text.hpp>

#include "fleet/spec_syntax.hpp"

namespace vmfleet::spec {
namespace {

Place place_of(const toml::source_region& source) {
  return {static_cast<unsigned>(source.begin.line), static_cast<unsigned>(source.begin.column)};
}

Node convert(const toml::node& source);

Node convert_table(const toml::table& source) {
  Node table(Kind::table, place_of(source.source()));
  for (const auto& [key, value] : source) {
    table.members.push_back({std::string(key.str()), place_of(key.source()), convert(value)});
  }
  // toml++ keeps keys in alphabetical order; machines come in the order of the file.
  std::stable_sort(
      table.members.begin(), table.members.end(), [](const Node::Member& a, const Node::Member& b) {
        return std::tie(a.place.line, a.place.column) < std::tie(b.place.line, b.place.column);
      });
  return table;
}

Node convert_list(const toml::array& source) {
  Node list(Kind::list, place_of(source.source()));
  for (const auto& item : source) list.items.push_back(convert(item));
  return list;
}

Node convert(const toml::node& source) {
  if (const auto* table = source.as_table()) return convert_table(*table);
  if (const auto* list = source.as_array()) return convert_list(*list);
  Place place = place_of(source.source());
  if (const auto* text = source.as_string()) return Node::make_text(text->get(), std::move(place));
  if (const auto* number = source.as_integer()) {
    return Node::make_integer(number->get(), std::move(place));
  }
  if (const auto* flag = source.as_boolean()) {
    Node node(Kind::flag, std::move(place));
    node.flag = flag->get();
    return node;
  }
  return {source.is_floating_point() ? Kind::real : Kind::other, std::move(place)};
}

}  // namespace

Node read_toml(std::string_view text, const std::string& origin) {
  try {
    return convert_table(toml::parse(text, origin));
  } catch (const toml::parse_error& error) {
    const Place place = place_of(error.source());
    throw Error(ErrorKind::invalid_config,
                fmt::format("{}:{}:{}: {}", origin, place.line, place.column,
                            sanitize(error.description())));
  }
}

}  // namespace vmfleet::spec
