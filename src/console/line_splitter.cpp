// SPDX-License-Identifier: MIT
// LineSplitter: bounded by the longest piece of a line.
#include "console/line_splitter.hpp"

#include <algorithm>
#include <utility>

namespace vmfleet::console {
namespace {
constexpr std::size_t kLongestPiece = 64 << 10;
}

void LineSplitter::feed(std::string_view bytes, std::uint64_t offset, Time read_at) {
  while (!bytes.empty()) {
    const auto newline = bytes.find('\n');
    const auto room = kLongestPiece - std::min(kLongestPiece, open_.text.size());
    const auto piece = bytes.substr(0, std::min(newline, std::max<std::size_t>(room, 1)));
    add(piece, offset, read_at);
    const bool ends = piece.size() == newline;
    if (ends || open_.text.size() >= kLongestPiece) ready_.push_back(close(ends));
    const std::size_t used = piece.size() + (ends ? 1 : 0);
    bytes.remove_prefix(used);
    offset += used;
  }
}

void LineSplitter::add(std::string_view piece, std::uint64_t offset, Time read_at) {
  if (open_.text.empty()) {
    open_.offset = offset;
    open_.read_at = read_at;
  }
  std::copy_if(piece.begin(), piece.end(), std::back_inserter(open_.text),
               [](char byte) { return byte != '\0'; });
}

LogLine LineSplitter::close(bool ends) {
  LogLine line = std::exchange(open_, LogLine());
  line.ends = ends;
  open_.begins = ends;
  if (ends) line.text.resize(line.text.find_last_not_of('\r') + 1);
  return line;
}

std::optional<LogLine> LineSplitter::take() {
  if (ready_.empty()) return std::nullopt;
  LogLine line = std::move(ready_.front());
  ready_.pop_front();
  return line;
}

std::optional<LogLine> LineSplitter::take_open() {
  if (!has_open()) return std::nullopt;
  return close(false);
}

void LineSplitter::restart() {
  if (has_open()) ready_.push_back(close(true));
  open_ = LogLine();
}

}  // namespace vmfleet::console
