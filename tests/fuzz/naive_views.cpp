// SPDX-License-Identifier: MIT
// The three views by whole-text scanning; shares no code with the matcher.
#include "tests/fuzz/naive_views.hpp"

#include <re2/re2.h>
#include <re2/stringpiece.h>

#include <vmfleet/base/utf8.hpp>

namespace vmfleet::fuzz {
namespace {

bool in(char byte, int first, int last) {
  const int value = static_cast<unsigned char>(byte);
  return value >= first && value <= last;
}

// Bytes of the control string from `at` on, up to its terminator, a newline, or too many.
std::size_t string_length(std::string_view text, std::size_t budget) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n' || i >= budget) return i;
    if (text[i] == '\a') return i + 1;
    if (text[i] == '\x1b') return i;  // the terminator, or a sequence of its own
  }
  return text.size();
}

// The length of the escape sequence that begins `text`; what breaks it off is not part of it.
std::size_t escape_length(std::string_view text) {
  const std::string_view head = text.substr(0, 65);  // what is longer is no control sequence
  std::size_t at = 1;
  const auto controls = [&] {
    while (at < head.size() && in(head[at], 0, 0x1F) && head[at] != '\n' && head[at] != '\x1b') {
      ++at;
    }
  };
  controls();
  if (at >= head.size() || !in(head[at], 0x20, 0x7E)) return at;
  const char kind = head[at++];
  if (std::string_view("]PX^_").find(kind) != std::string_view::npos) {
    at += string_length(text.substr(at), 1025 - at);
    return at + (text.substr(at, 2) == "\x1b\\" ? 2 : 0);
  }
  const bool parameters = kind == '[';
  if (!parameters && !in(kind, 0x20, 0x2F)) return at;
  for (;; ++at) {
    controls();
    if (at >= head.size() || !in(head[at], 0x20, parameters ? 0x3F : 0x2F)) break;
  }
  return at + (at < head.size() && in(head[at], 0x30, 0x7E) ? 1 : 0);
}

}  // namespace

Text raw_view(std::string_view stream) {
  Text text;
  for (std::size_t i = 0; i < stream.size(); ++i) text.add(stream[i], i);
  return text;
}

Text without_escapes(const Text& text) {
  Text kept;
  for (std::size_t i = 0; i < text.bytes.size();) {
    if (text.bytes[i] == '\x1b') {
      i += escape_length(std::string_view(text.bytes).substr(i));
      continue;
    }
    const char byte = text.bytes[i];
    const bool control = in(byte, 0, 0x1F) || byte == 0x7F;
    if (!control || byte == '\n' || byte == '\t') kept.add(byte, text.offsets[i]);
    ++i;
  }
  return kept;
}

Text without_kernel_records(const Text& text) {
  static const RE2 record(R"(\[( *[0-9]+)\.[0-9]{6}\][ \[][^\n]*(?:\n|\z))", RE2::Latin1);
  Text kept;
  std::size_t at = 0;
  const re2::StringPiece all(text.bytes);
  re2::StringPiece found[2];
  const auto keep_until = [&](std::size_t end) {
    for (; at < end; ++at) kept.add(text.bytes[at], text.offsets[at]);
  };
  while (record.Match(all, at, all.size(), RE2::UNANCHORED, found, 2)) {
    const auto begin = static_cast<std::size_t>(found[0].data() - all.data());
    keep_until(begin);
    if (found[1].size() < 5) {
      keep_until(begin + 1);
    } else {
      at = begin + found[0].size();
    }
  }
  keep_until(text.bytes.size());
  return kept;
}

Text without_invalid_utf8(const Text& text) {
  Text kept;
  for (std::size_t i = 0; i < text.bytes.size();) {
    const auto length = utf8_sequence_length(std::string_view(text.bytes).substr(i));
    for (std::size_t j = 0; j < length; ++j) kept.add(text.bytes[i + j], text.offsets[i + j]);
    i += length == 0 ? 1 : length;
  }
  return kept;
}

std::vector<Line> lines_of(const Text& text, bool at_returns) {
  std::vector<Line> lines(1);
  const auto end_line = [&](std::uint64_t offset) {
    lines.back().whole = true;
    lines.back().end = offset;
    lines.emplace_back();
  };
  for (std::size_t i = 0; i < text.bytes.size(); ++i) {
    const char byte = text.bytes[i];
    if (byte == '\n') {
      end_line(text.offsets[i] + 1);
    } else if (byte != '\r' || !at_returns) {
      lines.back().text.add(byte, text.offsets[i]);
    } else {
      const auto next = text.bytes.find_first_not_of('\r', i);
      if (next == std::string::npos) break;
      if (text.bytes[next] != '\n') end_line(text.offsets[next]);
      i = next - 1;
    }
  }
  lines.back().end = text.offsets.empty() ? 0 : text.offsets.back() + 1;
  return lines;
}

}  // namespace vmfleet::fuzz
