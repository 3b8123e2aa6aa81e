// SPDX-License-Identifier: MIT
// json::Value and json::Object: lookups.
#include <limits>

#include <vmfleet/base/json.hpp>

namespace vmfleet::json {

Object::Object() = default;
Object::Object(std::initializer_list<Member> members) : members_(members) {}
Object::Object(const Object&) = default;
Object::Object(Object&&) noexcept = default;
Object& Object::operator=(const Object&) = default;
Object& Object::operator=(Object&&) noexcept = default;
Object::~Object() = default;

// Written out: Clang 14 crashes on the defaulted pair, which is mutually recursive.
bool Object::operator==(const Object& other) const {
  return members_ == other.members_;
}
bool Value::operator==(const Value& other) const {
  return data_ == other.data_;
}

Object& Object::set(std::string key, Value value) {
  for (auto& member : members_) {
    if (member.first == key) {
      member.second = std::move(value);
      return *this;
    }
  }
  return append(std::move(key), std::move(value));
}

Object& Object::append(std::string key, Value value) {
  members_.emplace_back(std::move(key), std::move(value));
  return *this;
}

const Value* Object::find(std::string_view key) const noexcept {
  for (const auto& member : members_) {
    if (member.first == key) return &member.second;
  }
  return nullptr;
}

bool Object::empty() const noexcept {
  return members_.empty();
}
std::size_t Object::size() const noexcept {
  return members_.size();
}
const Object::Member* Object::begin() const noexcept {
  return members_.data();
}
const Object::Member* Object::end() const noexcept {
  return members_.data() + members_.size();
}

bool Value::is_object() const noexcept {
  return as_object() != nullptr;
}
bool Value::is_array() const noexcept {
  return as_array() != nullptr;
}
bool Value::is_string() const noexcept {
  return as_string() != nullptr;
}
const std::string* Value::as_string() const noexcept {
  return std::get_if<std::string>(&data_);
}

bool Value::is_number() const noexcept {
  return std::holds_alternative<std::int64_t>(data_) ||
         std::holds_alternative<std::uint64_t>(data_) || std::holds_alternative<double>(data_);
}

std::optional<std::int64_t> Value::as_int() const noexcept {
  if (const auto* number = std::get_if<std::int64_t>(&data_)) return *number;
  if (const auto* number = std::get_if<std::uint64_t>(&data_)) {
    if (*number <= std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
      return static_cast<std::int64_t>(*number);
    }
  }
  return std::nullopt;
}

const Value& Value::operator[](std::string_view key) const noexcept {
  static const Value kNull;
  const Object* object = as_object();
  const Value* member = object == nullptr ? nullptr : object->find(key);
  return member == nullptr ? kNull : *member;
}

std::string_view Value::text(std::string_view key) const noexcept {
  const std::string* text = (*this)[key].as_string();
  return text == nullptr ? std::string_view() : std::string_view(*text);
}

std::vector<std::string> Value::texts(std::string_view key) const {
  std::vector<std::string> texts;
  const Array* array = (*this)[key].as_array();
  if (array == nullptr) return texts;
  for (const Value& item : *array) {
    if (item.is_string()) texts.push_back(*item.as_string());
  }
  return texts;
}

std::int64_t Value::integer(std::string_view key, std::int64_t otherwise) const noexcept {
  return (*this)[key].as_int().value_or(otherwise);
}

bool Value::flag(std::string_view key, bool otherwise) const noexcept {
  const bool* flag = (*this)[key].as_bool();
  return flag == nullptr ? otherwise : *flag;
}

std::map<std::string, std::string> Value::named_texts(std::string_view key) const {
  std::map<std::string, std::string> texts;
  const Object* object = (*this)[key].as_object();
  if (object == nullptr) return texts;
  for (const auto& [name, item] : *object) {
    if (item.is_string()) texts[name] = *item.as_string();
  }
  return texts;
}

Array to_array(const std::vector<std::string>& texts) {
  return Array(texts.begin(), texts.end());
}

Object to_object(const std::map<std::string, std::string>& texts) {
  Object object;
  for (const auto& [key, text] : texts) object.set(key, text);
  return object;
}

}  // namespace vmfleet::json
