// SPDX-License-Identifier: MIT
// The three views of a console stream, computed from the whole text at once: slow and plain.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vmfleet::fuzz {

/// Text with the place of each byte in the raw stream.
struct Text {
  std::string bytes;
  std::vector<std::uint64_t> offsets;

  void add(char byte, std::uint64_t offset) {
    bytes.push_back(byte);
    offsets.push_back(offset);
  }
};

struct Line {
  Text text;
  bool whole = false;  // ended by a newline or a carriage return of its own
  std::uint64_t end = 0;
};

Text raw_view(std::string_view stream);
Text without_escapes(const Text& text);
Text without_kernel_records(const Text& text);
Text without_invalid_utf8(const Text& text);

/// `\n` ends a line; in the raw view `\r` does too, unless it belongs to a newline.
std::vector<Line> lines_of(const Text& text, bool at_returns);

}  // namespace vmfleet::fuzz
