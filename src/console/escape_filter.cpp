// SPDX-License-Identifier: MIT
// EscapeFilter: a small state machine over ECMA-48.
#include "console/escape_filter.hpp"

namespace vmfleet::console {
namespace {

constexpr unsigned char kEscape = 0x1B;
constexpr unsigned char kBell = 0x07;
constexpr std::size_t kLongestControlSequence = 64;
constexpr std::size_t kLongestString = 1024;

bool is_between(unsigned char byte, unsigned char first, unsigned char last) {
  return byte >= first && byte <= last;
}

}  // namespace

bool EscapeFilter::passes(char value) noexcept {
  const auto byte = static_cast<unsigned char>(value);
  if (mode_ != Mode::text && consumed(byte)) return false;
  if (byte == kEscape) {
    mode_ = Mode::escape;
    length_ = 0;
    return false;
  }
  return (byte >= 0x20 && byte != 0x7F) || byte == '\n' || byte == '\t';
}

// False: the sequence was broken off, and the byte is text or the start of another sequence.
bool EscapeFilter::consumed(unsigned char byte) noexcept {
  const std::size_t longest = mode_ == Mode::string ? kLongestString : kLongestControlSequence;
  if (byte == '\n' || ++length_ > longest) {
    mode_ = Mode::text;
    return false;
  }
  const bool control = byte < 0x20 && byte != kEscape;
  switch (mode_) {
    case Mode::string:
      if (byte == kBell) mode_ = Mode::text;
      if (byte == kEscape) {
        mode_ = Mode::string_escape;
        length_ = 0;
      }
      return true;
    case Mode::string_escape:  // the terminator, or a sequence of its own
      mode_ = byte == '\\' ? Mode::text : Mode::escape;
      return mode_ == Mode::text || control || enter(byte);
    case Mode::escape:
      return control || enter(byte);
    case Mode::intermediate:
    case Mode::control_sequence: {
      if (control) return true;  // a terminal executes it and goes on with the sequence
      const unsigned char last_parameter = mode_ == Mode::intermediate ? 0x2F : 0x3F;
      if (is_between(byte, 0x20, last_parameter)) return true;
      mode_ = Mode::text;
      return is_between(byte, 0x30, 0x7E);
    }
    case Mode::text:
      break;
  }
  return false;
}

bool EscapeFilter::enter(unsigned char introducer) noexcept {
  mode_ = Mode::text;
  switch (introducer) {
    case '[':
      mode_ = Mode::control_sequence;
      break;
    case ']':
    case 'P':
    case 'X':
    case '^':
    case '_':
      mode_ = Mode::string;
      break;
    default:
      if (is_between(introducer, 0x20, 0x2F)) mode_ = Mode::intermediate;
  }
  return is_between(introducer, 0x20, 0x7E);
}

}  // namespace vmfleet::console
