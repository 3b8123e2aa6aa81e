// SPDX-License-Identifier: MIT
// SpecNode: a fleet file as a tree that knows where each value stands, whatever it was written in.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <vmfleet/base/json.hpp>

namespace vmfleet::spec {

/// Where a value was written. A value without a line came from a command-line option.
struct Place {
  Place() = default;
  Place(unsigned at_line, unsigned at_column) : line(at_line), column(at_column) {}
  explicit Place(std::string from_option) : option(std::move(from_option)) {}

  unsigned line = 0;
  unsigned column = 0;  ///< from 1, in bytes
  std::string option;
};

enum class Kind { text, integer, real, flag, list, table, other };

/// For messages: "a string", "a list".
std::string_view describe(Kind kind) noexcept;

struct Node {
  struct Member;

  Node();
  Node(Kind node_kind, Place node_place);
  Node(const Node&);
  Node(Node&&) noexcept;
  Node& operator=(const Node&);
  Node& operator=(Node&&) noexcept;
  ~Node();

  static Node make_text(std::string text, Place place);
  static Node make_integer(std::int64_t number, Place place);

  Kind kind = Kind::table;
  Place place;
  std::string text;
  std::int64_t integer = 0;
  bool flag = false;
  std::vector<Node> items;
  std::vector<Member> members;

  [[nodiscard]] const Node* find(std::string_view key) const noexcept;
  /// Adds or replaces.
  Node& set(std::string key, Node value);
};

struct Node::Member {
  std::string key;
  Place place;  ///< of the key
  Node value;
};

/// Without places; what JSON cannot say (a TOML date) is null.
json::Value to_json(const Node& node);

/// The value at `disk[1].file`, or the nearest one on the way to it that exists.
const Node& nearest_node(const Node& root, std::string_view path) noexcept;

/// `over` laid on `base`: tables are merged key by key, everything else is replaced.
Node merge(const Node& base, const Node& over);

}  // namespace vmfleet::spec
