// SPDX-License-Identifier: MIT
// JSON with the place of every value and of the first mistake; base's reader decodes the scalars.
#include <algorithm>

#include <fmt/format.h>

#include <vmfleet/base/json.hpp>
#include <vmfleet/base/text.hpp>

#include "fleet/spec_syntax.hpp"

namespace vmfleet::spec {
namespace {

constexpr int kDeepest = 32;
constexpr std::string_view kSpace = " \t\r\n";

class Reader {
 public:
  Reader(std::string_view text, const std::string& origin) : text_(text), origin_(origin) {}

  Node document() {
    Node root = value(0);
    skip_space();
    if (at_ < text_.size()) fail("there is more after the end");
    if (root.kind != Kind::table) throw error_at(root.place, "must be an object");
    return root;
  }

 private:
  Error error_at(const Place& place, const std::string& what) const {
    return Error(ErrorKind::invalid_config,
                 fmt::format("{}:{}:{}: {}", origin_, place.line, place.column, what));
  }
  [[noreturn]] void fail(const std::string& what) const { throw error_at(here(), what); }

  [[nodiscard]] Place here() const { return {line_, static_cast<unsigned>(at_ - line_start_) + 1}; }
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void skip_space() {
    while (at_ < text_.size() && kSpace.find(text_[at_]) != std::string_view::npos) {
      if (text_[at_++] != '\n') continue;
      ++line_;
      line_start_ = at_;
    }
  }

  void take(char expected) {
    skip_space();
    if (peek() != expected) fail(fmt::format("expected '{}'", expected));
    ++at_;
  }

  Node value(int depth) {
    skip_space();
    if (depth > kDeepest) fail("nested too deeply");
    if (peek() == '{') return table(depth);
    if (peek() == '[') return list(depth);
    return scalar();
  }

  /// Reads `element` between the brackets as often as it is there.
  template <class Element>
  void elements(char close, Element element) {
    ++at_;
    skip_space();
    if (peek() == close) {
      ++at_;
      return;
    }
    for (;;) {
      element();
      skip_space();
      if (peek() == close) break;
      take(',');
    }
    ++at_;
  }

  Node table(int depth) {
    Node node(Kind::table, here());
    elements('}', [&] {
      skip_space();
      const Place key_place = here();
      if (peek() != '"') fail("expected a key in quotes");
      const std::string key = scalar().text;
      if (node.find(key) != nullptr) {
        throw error_at(key_place, fmt::format("the key \"{}\" is there twice", sanitize(key)));
      }
      take(':');
      node.members.push_back({key, key_place, value(depth + 1)});
    });
    return node;
  }

  Node list(int depth) {
    Node node(Kind::list, here());
    elements(']', [&] { node.items.push_back(value(depth + 1)); });
    return node;
  }

  /// From here to the end of the string or word; the decoder refuses it when it is neither.
  std::string_view scalar_text() {
    std::size_t end = at_;
    if (peek() == '"') {
      for (++end; end < text_.size() && text_[end] != '"'; ++end) {
        if (text_[end] == '\\') ++end;
      }
      ++end;
    } else {
      end = text_.find_first_of(",:[]{}\" \t\r\n", at_);
    }
    return text_.substr(at_, std::min(end, text_.size()) - at_);
  }

  Node scalar() {
    Place place = here();
    const std::string_view text = scalar_text();
    // As an element: early simdjson has its own rules for a lone scalar.
    const Result<json::Value> parsed = json::parse(fmt::format("[{}]", text));
    if (text.empty() || !parsed || parsed->as_array()->size() != 1) fail("expected a value");
    at_ += text.size();
    const json::Value& value = parsed->as_array()->front();
    if (const std::string* string = value.as_string()) return Node::make_text(*string, place);
    if (const auto number = value.as_int()) return Node::make_integer(*number, place);
    Node node(value.is_number() ? Kind::real : Kind::other, place);
    if (const bool* flag = value.as_bool()) {
      node.kind = Kind::flag;
      node.flag = *flag;
    }
    return node;
  }

  std::string_view text_;
  const std::string& origin_;
  std::size_t at_ = 0;
  std::size_t line_start_ = 0;
  unsigned line_ = 1;
};

}  // namespace

Node read_json(std::string_view text, const std::string& origin) {
  return Reader(text, origin).document();
}

}  // namespace vmfleet::spec
