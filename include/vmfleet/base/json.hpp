// SPDX-License-Identifier: MIT
// json::Value: a JSON document in memory, read with simdjson, written by us.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <vmfleet/base/result.hpp>

namespace vmfleet::json {

class Value;
using Array = std::vector<Value>;

/// Members in the order in which they were written.
class Object {
 public:
  using Member = std::pair<std::string, Value>;
  Object();
  Object(std::initializer_list<Member> members);
  Object(const Object&);
  Object(Object&&) noexcept;
  Object& operator=(const Object&);
  Object& operator=(Object&&) noexcept;
  ~Object();

  /// Adds a member, or replaces the value of the one that is there.
  Object& set(std::string key, Value value);
  /// Adds a member without looking for one of the same name: linear reading of large objects.
  Object& append(std::string key, Value value);
  [[nodiscard]] const Value* find(std::string_view key) const noexcept;
  [[nodiscard]] bool empty() const noexcept;
  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] const Member* begin() const noexcept;
  [[nodiscard]] const Member* end() const noexcept;
  bool operator==(const Object&) const;

 private:
  std::vector<Member> members_;
};

class Value {
 public:
  Value() = default;
  Value(std::nullptr_t) {}
  Value(bool value) : data_(value) {}
  Value(int value) : data_(std::int64_t{value}) {}
  Value(std::int64_t value) : data_(value) {}
  Value(std::uint64_t value) : data_(value) {}
  Value(double value) : data_(value) {}
  Value(const char* value) : data_(std::string(value)) {}
  Value(std::string_view value) : data_(std::string(value)) {}
  Value(std::string value) : data_(std::move(value)) {}
  Value(Array value) : data_(std::move(value)) {}
  Value(Object value) : data_(std::move(value)) {}

  [[nodiscard]] bool is_null() const noexcept { return data_.index() == 0; }
  [[nodiscard]] bool is_object() const noexcept;
  [[nodiscard]] bool is_array() const noexcept;
  [[nodiscard]] bool is_string() const noexcept;

  /// What it holds, or nullptr when it holds something else.
  [[nodiscard]] const bool* as_bool() const noexcept { return std::get_if<bool>(&data_); }
  [[nodiscard]] const std::string* as_string() const noexcept;
  [[nodiscard]] const Array* as_array() const noexcept { return std::get_if<Array>(&data_); }
  [[nodiscard]] const Object* as_object() const noexcept { return std::get_if<Object>(&data_); }
  /// Any JSON number that is an integer of this range.
  [[nodiscard]] std::optional<std::int64_t> as_int() const noexcept;
  [[nodiscard]] bool is_number() const noexcept;

  /// A member of an object; a shared null when this is no object or has no such member.
  const Value& operator[](std::string_view key) const noexcept;
  /// The text of a string member, or "" when absent or of another type.
  [[nodiscard]] std::string_view text(std::string_view key) const noexcept;
  /// The strings of an array member; none when it is absent or of another type.
  [[nodiscard]] std::vector<std::string> texts(std::string_view key) const;
  /// The texts in an object member, by their names; none when it is no object.
  [[nodiscard]] std::map<std::string, std::string> named_texts(std::string_view key) const;
  /// The integer member, or `otherwise` when absent or of another type.
  [[nodiscard]] std::int64_t integer(std::string_view key, std::int64_t otherwise) const noexcept;
  [[nodiscard]] bool flag(std::string_view key, bool otherwise) const noexcept;

  bool operator==(const Value& other) const;

 private:
  friend class Writer;
  std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, Array,
               Object>
      data_;
};

Array to_array(const std::vector<std::string>& texts);
Object to_object(const std::map<std::string, std::string>& texts);

/// One document. *Errors*: `protocol`, with the byte offset and the bytes around it.
Result<Value> parse(std::string_view text);

/// Compact on one line when `indent` is 0. Invalid UTF-8 becomes U+FFFD, so the output is always
/// valid JSON, and control characters are escaped, so that no terminal obeys them. What `parse`
/// makes of the output is written in the same bytes again.
std::string write(const Value& value, int indent = 0);

}  // namespace vmfleet::json
