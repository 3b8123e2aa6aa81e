// SPDX-License-Identifier: MIT
// Placeholders in the strings of a fleet file.
#include "fleet/spec_expand.hpp"

#include <algorithm>

namespace vmfleet {
namespace {

/// nullopt: no placeholder, or one without a value here.
std::optional<std::string> value_of(std::string_view word, const Placeholders& values) {
  if (word == "name") return values.name;
  if (word == "index") return values.index;
  if (word == "fleet") return values.fleet;
  if (word == "dir") return values.dir;
  constexpr std::string_view kPort = "port:";
  if (word.substr(0, kPort.size()) != kPort) return std::nullopt;
  const auto port = values.ports.find(word.substr(kPort.size()));
  if (port == values.ports.end()) return std::nullopt;
  return std::to_string(port->second);
}

}  // namespace

std::string expand(std::string_view text, const Placeholders& values) {
  std::string expanded;
  while (!text.empty()) {
    const auto open = text.find('{');
    expanded.append(text.substr(0, open));
    if (open == std::string_view::npos) break;
    text.remove_prefix(open);
    const auto close = text.find('}');
    const auto value = close == std::string_view::npos
                           ? std::nullopt
                           : value_of(text.substr(1, close - 1), values);
    expanded.append(value ? *value : "{");
    text.remove_prefix(value ? close + 1 : 1);
  }
  return expanded;
}

namespace spec {

void expand_all(Node& node, const Placeholders& values) {
  if (node.kind == Kind::text) node.text = expand(node.text, values);
  for (Node& item : node.items) expand_all(item, values);
  for (Node::Member& member : node.members) expand_all(member.value, values);
}

std::vector<std::string> ports_in(std::string_view text) {
  constexpr std::string_view kPort = "{port:";
  std::vector<std::string> ports;
  for (auto at = text.find(kPort); at != std::string_view::npos; at = text.find(kPort, at + 1)) {
    const std::string_view rest = text.substr(at + kPort.size());
    const auto close = rest.find('}');
    if (close == std::string_view::npos) break;
    ports.emplace_back(rest.substr(0, close));
  }
  return ports;
}

}  // namespace spec
}  // namespace vmfleet
