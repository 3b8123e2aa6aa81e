// SPDX-License-Identifier: MIT
// Writing JSON.
#include <cmath>

#include <fmt/format.h>

#include <vmfleet/base/json.hpp>
#include <vmfleet/base/utf8.hpp>

namespace vmfleet::json {

namespace {

// U+FFFD as it is and not escaped: what was read is written in the same form again.
constexpr std::string_view kReplacement = "\xef\xbf\xbd";
constexpr char kDelete = 0x7f;

}  // namespace

class Writer {
 public:
  explicit Writer(int indent) : indent_(indent) {}

  void write(const Value& value, int depth) {
    std::visit([&](const auto& held) { write_held(held, depth); }, value.data_);
  }
  std::string take() { return std::move(out_); }

 private:
  void write_held(std::monostate, int) { out_ += "null"; }
  void write_held(bool value, int) { out_ += value ? "true" : "false"; }
  void write_held(std::int64_t value, int) { out_ += std::to_string(value); }
  void write_held(std::uint64_t value, int) { out_ += std::to_string(value); }
  void write_held(double value, int) {
    if (std::isfinite(value)) {
      out_ += fmt::format("{}", value);
    } else {
      out_ += "null";  // JSON has no other word for it
    }
  }
  void write_held(const std::string& text, int) { write_string(text); }

  void write_held(const Array& array, int depth) {
    if (array.empty()) {
      out_ += "[]";
      return;
    }
    out_ += '[';
    bool first = true;
    for (const auto& item : array) {
      separate(first, depth + 1);
      write(item, depth + 1);
    }
    newline(depth);
    out_ += ']';
  }

  void write_held(const Object& object, int depth) {
    if (object.empty()) {
      out_ += "{}";
      return;
    }
    out_ += '{';
    bool first = true;
    for (const auto& [key, value] : object) {
      separate(first, depth + 1);
      write_string(key);
      out_ += indent_ > 0 ? ": " : ":";
      write(value, depth + 1);
    }
    newline(depth);
    out_ += '}';
  }

  void separate(bool& first, int depth) {
    if (!first) out_ += ',';
    first = false;
    newline(depth);
  }

  void newline(int depth) {
    if (indent_ == 0) return;
    out_ += '\n';
    out_.append(static_cast<std::size_t>(depth) * static_cast<std::size_t>(indent_), ' ');
  }

  void write_string(std::string_view text) {
    out_ += '"';
    while (!text.empty()) {
      const std::size_t length = utf8_sequence_length(text);
      if (length == 0) {
        out_ += kReplacement;
        text.remove_prefix(1);
        continue;
      }
      if (length == 1) {
        write_ascii(text[0]);
      } else if (is_c1_control(text)) {
        write_escape(static_cast<unsigned char>(text[1]));
      } else {
        out_.append(text.substr(0, length));
      }
      text.remove_prefix(length);
    }
    out_ += '"';
  }

  void write_ascii(char c) {
    switch (c) {
      case '"':
        out_ += "\\\"";
        return;
      case '\\':
        out_ += "\\\\";
        return;
      case '\n':
        out_ += "\\n";
        return;
      case '\r':
        out_ += "\\r";
        return;
      case '\t':
        out_ += "\\t";
        return;
      default:
        break;
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == kDelete) {
      write_escape(static_cast<unsigned char>(c));
    } else {
      out_ += c;
    }
  }

  void write_escape(unsigned code) { out_ += fmt::format("\\u{:04x}", code); }

  /// U+0080 to U+009F: terminals obey them, as they do escape sequences.
  static bool is_c1_control(std::string_view sequence) {
    return sequence[0] == '\xc2' && static_cast<unsigned char>(sequence[1]) < 0xa0;
  }

  int indent_;
  std::string out_;
};

std::string write(const Value& value, int indent) {
  Writer writer(indent);
  writer.write(value, 0);
  return writer.take();
}

}  // namespace vmfleet::json
