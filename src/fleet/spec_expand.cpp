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

/// `name`, `port:web`: nothing that a regular expression or JSON has between its braces.
bool is_placeholder(std::string_view word) noexcept {
  const std::string_view key = word.substr(0, word.find(':'));
  return !key.empty() && std::all_of(key.begin(), key.end(),
                                     [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
}

}  // namespace

std::string expand(std::string_view text, const Placeholders& values) {
  std::string expanded;
  while (!text.empty()) {
    const auto open = text.find('{');
    expanded.append(text.substr(0, open));
    if (open == std::string_view::npos) break;
    const bool variable = open > 0 && text[open - 1] == '$';  // of a shell
    text.remove_prefix(open);
    const auto close = text.find('}');
    const auto value = variable || close == std::string_view::npos
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

std::vector<std::string> placeholders_in(std::string_view text) {
  std::vector<std::string> words;
  for (auto open = text.find('{'); open != std::string_view::npos;
       open = text.find('{', open + 1)) {
    const auto close = text.find('}', open);
    if (close == std::string_view::npos) break;
    const std::string_view word = text.substr(open + 1, close - open - 1);
    const char before = open > 0 ? text[open - 1] : ' ';
    const bool property = open > 1 && text[open - 2] == '\\' && (before == 'p' || before == 'P');
    if (before != '$' && !property && is_placeholder(word)) words.emplace_back(word);
  }
  return words;
}

}  // namespace spec
}  // namespace vmfleet
