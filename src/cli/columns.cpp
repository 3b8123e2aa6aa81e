// SPDX-License-Identifier: MIT
// Columns of a terminal.
#include "cli/columns.hpp"

#include <algorithm>

#include <vmfleet/base/utf8.hpp>

namespace vmfleet::cli {

namespace {

struct Character {
  std::size_t bytes;
  std::size_t columns;
};

// From U+1100 (Hangul) on characters may take two columns; U+1100 is the first of three bytes whose
// second is at least 0x84.
Character first_character(std::string_view text) noexcept {
  const std::size_t bytes = std::max<std::size_t>(utf8_sequence_length(text), 1);
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const bool punctuation = bytes == 3 && byte(0) == 0xe2 && byte(1) <= 0x80;
  const bool wide =
      bytes == 4 || (bytes == 3 && !punctuation && (byte(0) > 0xe1 || byte(1) >= 0x84));
  return {bytes, wide ? std::size_t{2} : std::size_t{1}};
}

}  // namespace

std::size_t display_width(std::string_view text) noexcept {
  std::size_t columns = 0;
  while (!text.empty()) {
    const Character character = first_character(text);
    columns += character.columns;
    text.remove_prefix(character.bytes);
  }
  return columns;
}

std::string fit_columns(std::string_view text, std::size_t columns) {
  if (display_width(text) <= columns) return std::string(text);
  if (columns == 0) return "";
  std::size_t used = 1;  // the ellipsis
  std::size_t bytes = 0;
  while (bytes < text.size()) {
    const Character character = first_character(text.substr(bytes));
    if (used + character.columns > columns) break;
    used += character.columns;
    bytes += character.bytes;
  }
  return std::string(text.substr(0, bytes)) + "…";
}

}  // namespace vmfleet::cli
