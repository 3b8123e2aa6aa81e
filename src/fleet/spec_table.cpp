// SPDX-License-Identifier: MIT
// Table: type checks and left-over keys.
#include "fleet/spec_table.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>

namespace vmfleet::spec {

Table::Table(const Node& node, std::string path, Problems& problems)
    : node_(node), path_(std::move(path)), problems_(problems) {}

std::string Table::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

void Table::add(std::string_view key, const std::string& what, const std::string& hint) {
  problems_.add(nearest_node(node_, key).place, path_of(key), what, hint);
}

const Node* Table::any(std::string_view key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.emplace_back(key);
  return node_.find(key);
}

const Node* Table::of_kind(std::string_view key, Kind kind, std::string_view hint) {
  const Node* node = any(key);
  if (node == nullptr || node->kind == kind) return node;
  add(key, fmt::format("must be {}, and is {}", describe(kind), describe(node->kind)),
      std::string(hint));
  return nullptr;
}

void Table::text(std::string_view key, std::string& into) {
  if (const Node* node = of_kind(key, Kind::text)) into = node->text;
}

void Table::word_text(std::string_view key, std::optional<std::string>& into) {
  if (const Node* node = of_kind(key, Kind::text)) into = node->text;
}

void Table::flag(std::string_view key, bool& into) {
  if (const Node* node = of_kind(key, Kind::flag)) into = node->flag;
}

void Table::number(std::string_view key, std::int64_t least, std::int64_t most,
                   const std::function<void(std::int64_t)>& take) {
  const Node* node = of_kind(key, Kind::integer);
  if (node == nullptr) return;
  if (node->integer < least || node->integer > most) {
    add(key, fmt::format("{} is not in {}..{}", node->integer, least, most));
    return;
  }
  take(node->integer);
}

void Table::bytes(std::string_view key, const std::function<void(Bytes)>& take) {
  const Node* node = of_kind(key, Kind::text, "a size has a unit: \"512M\", \"2G\"");
  if (node == nullptr) return;
  const Result<Bytes> size = parse_bytes(node->text);
  if (size) {
    take(*size);
  } else {
    add(key, size.error().message(), size.error().hint());
  }
}

void Table::duration(std::string_view key, const std::function<void(Milliseconds)>& take) {
  const Node* node = of_kind(key, Kind::text, "a duration has a unit: \"500ms\", \"10s\", \"2m\"");
  if (node == nullptr) return;
  const Result<Milliseconds> time = parse_duration(node->text);
  if (time) {
    take(*time);
  } else {
    add(key, time.error().message(), time.error().hint());
  }
}

void Table::texts(std::string_view key, std::vector<std::string>& into) {
  const Node* node = any(key);
  if (node == nullptr) return;
  if (node->kind == Kind::text) {
    into = {node->text};
    return;
  }
  if (node->kind != Kind::list) {
    add(key, fmt::format("must be a list of strings, and is {}", describe(node->kind)));
    return;
  }
  into.clear();
  for (std::size_t i = 0; i < node->items.size(); ++i) {
    const Node& item = node->items[i];
    if (item.kind == Kind::text) {
      into.push_back(item.text);
    } else {
      problems_.add(item.place, fmt::format("{}[{}]", path_of(key), i),
                    fmt::format("must be a string, and is {}", describe(item.kind)));
    }
  }
}

const Node* Table::table(std::string_view key) {
  return of_kind(key, Kind::table);
}

std::vector<const Node*> Table::tables(std::string_view key) {
  std::vector<const Node*> found;
  const Node* list = of_kind(key, Kind::list, "a list of tables: [[…]] in TOML");
  if (list == nullptr) return found;
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    const Node& item = list->items[i];
    if (item.kind == Kind::table) {
      found.push_back(&item);
    } else {
      problems_.add(item.place, fmt::format("{}[{}]", path_of(key), i),
                    fmt::format("must be a table, and is {}", describe(item.kind)));
    }
  }
  return found;
}

void Table::finish() {
  for (const Node::Member& member : node_.members) {
    if (std::find(known_.begin(), known_.end(), member.key) != known_.end()) continue;
    const std::string_view near = nearest(member.key, known_);
    // An option's own name says nothing about the word in its value.
    const bool option = !member.place.option.empty();
    problems_.add(member.place, path_of(member.key),
                  option ? fmt::format("unknown word \"{}\"", member.key) : "unknown key",
                  near.empty() ? fmt::format("known here: {}", join(known_, ", "))
                               : fmt::format("did you mean \"{}\"?", near));
  }
}

}  // namespace vmfleet::spec
