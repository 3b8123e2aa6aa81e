// SPDX-License-Identifier: MIT
// EscapeFilter: takes escape sequences and control characters out of a console stream.
#pragma once

#include <cstddef>

namespace vmfleet::console {

/// *Source*: ECMA-48 (control sequences, control strings). Unlike a terminal it gives up an
/// unfinished sequence at a newline, so that a stray ESC cannot hide the rest of the log.
class EscapeFilter {
 public:
  /// Whether this byte is text: a newline, a tab, anything printable or above ASCII.
  bool passes(char byte) noexcept;

 private:
  enum class Mode { text, escape, intermediate, control_sequence, string, string_escape };

  bool consumed(unsigned char byte) noexcept;
  bool enter(unsigned char introducer) noexcept;

  Mode mode_ = Mode::text;
  std::size_t length_ = 0;  // since ESC: an endless sequence is garbage
};

}  // namespace vmfleet::console
