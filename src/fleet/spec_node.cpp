// SPDX-License-Identifier: MIT
// SpecNode: looking up and merging.
#include "fleet/spec_node.hpp"

#include <charconv>

namespace vmfleet::spec {

std::string_view describe(Kind kind) noexcept {
  switch (kind) {
    case Kind::text:
      return "a string";
    case Kind::integer:
      return "an integer";
    case Kind::real:
      return "a number with a fraction";
    case Kind::flag:
      return "true or false";
    case Kind::list:
      return "a list";
    case Kind::table:
      return "a table";
    case Kind::other:
      break;
  }
  return "neither a string, number, list nor table";
}

// Here, where the type of the members is complete.
Node::Node() = default;
Node::Node(Kind node_kind, Place node_place) : kind(node_kind), place(std::move(node_place)) {}
Node::Node(const Node&) = default;
Node::Node(Node&&) noexcept = default;
Node& Node::operator=(const Node&) = default;
Node& Node::operator=(Node&&) noexcept = default;
Node::~Node() = default;

Node Node::make_text(std::string text, Place place) {
  Node node(Kind::text, std::move(place));
  node.text = std::move(text);
  return node;
}

Node Node::make_integer(std::int64_t number, Place place) {
  Node node(Kind::integer, std::move(place));
  node.integer = number;
  return node;
}

const Node* Node::find(std::string_view key) const noexcept {
  for (const Member& member : members) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

Node& Node::set(std::string key, Node value) {
  for (Member& member : members) {
    if (member.key == key) return member.value = std::move(value);
  }
  Place key_place = value.place;
  members.push_back({std::move(key), std::move(key_place), std::move(value)});
  return members.back().value;
}

json::Value to_json(const Node& node) {
  switch (node.kind) {
    case Kind::text:
      return node.text;
    case Kind::integer:
      return node.integer;
    case Kind::flag:
      return node.flag;
    case Kind::list: {
      json::Array items;
      for (const Node& item : node.items) items.push_back(to_json(item));
      return items;
    }
    case Kind::table: {
      json::Object members;
      for (const Node::Member& member : node.members) {
        members.append(member.key, to_json(member.value));
      }
      return members;
    }
    case Kind::real:
    case Kind::other:
      break;
  }
  return nullptr;  // no key takes such a value
}

const Node& nearest_node(const Node& root, std::string_view path) noexcept {
  const Node* node = &root;
  while (!path.empty()) {
    const auto end = path.find_first_of(".[", 1);
    std::string_view step = path.substr(0, end);
    path = end == std::string_view::npos ? std::string_view() : path.substr(end);
    const Node* next = nullptr;
    if (step[0] == '[') {
      std::size_t index = 0;
      std::from_chars(step.data() + 1, step.data() + step.size(), index);
      if (index < node->items.size()) next = &node->items[index];
    } else {
      if (step[0] == '.') step.remove_prefix(1);
      next = node->find(step);
    }
    if (next == nullptr) break;
    node = next;
  }
  return *node;
}

Node merge(const Node& base, const Node& over) {
  if (base.kind != Kind::table || over.kind != Kind::table) return over;
  Node merged = base;
  merged.place = over.place;
  for (const Node::Member& member : over.members) {
    const Node* below = base.find(member.key);
    Node value = below == nullptr ? member.value : merge(*below, member.value);
    merged.set(member.key, std::move(value));
    for (Node::Member& placed : merged.members) {
      if (placed.key == member.key) placed.place = member.place;
    }
  }
  return merged;
}

}  // namespace vmfleet::spec
