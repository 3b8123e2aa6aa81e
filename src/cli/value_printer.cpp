// SPDX-License-Identifier: MIT
// JSON as indented lines.
#include "cli/value_printer.hpp"

#include <vmfleet/base/text.hpp>

namespace vmfleet::cli {

namespace {

void append_value(std::string& text, const json::Value& value, std::size_t indent) {
  const std::string margin(indent, ' ');
  if (const json::Object* object = value.as_object()) {
    for (const auto& [key, member] : *object) {
      const bool nested = (member.is_object() && !member.as_object()->empty()) ||
                          (member.is_array() && !member.as_array()->empty());
      text += margin + sanitize(key) + ":" + (nested ? "\n" : " ");
      append_value(text, member, indent + 2);
    }
  } else if (const json::Array* array = value.as_array(); array != nullptr && !array->empty()) {
    for (const auto& item : *array) {
      if (item.is_object()) text += margin + "-\n";
      append_value(text, item, item.is_object() ? indent + 2 : indent);
    }
  } else {
    const std::string* words = value.as_string();
    text += (text.empty() || text.back() == '\n' ? margin : "") +
            sanitize(words != nullptr ? *words : json::write(value)) + "\n";
  }
}

}  // namespace

std::string format_value(const json::Value& value) {
  std::string text;
  append_value(text, value, 0);
  return text;
}

}  // namespace vmfleet::cli
