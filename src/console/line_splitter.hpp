// SPDX-License-Identifier: MIT
// LineSplitter: bytes to lines. Private to this room.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>

#include <vmfleet/console/log_reader.hpp>

namespace vmfleet::console {

class LineSplitter {
 public:
  using Time = std::optional<std::chrono::system_clock::time_point>;

  void feed(std::string_view bytes, std::uint64_t offset, Time read_at);
  /// The next line that has ended, or piece of one that is too long.
  std::optional<LogLine> take();
  /// What there is of the open line, and was not taken before.
  std::optional<LogLine> take_open();
  [[nodiscard]] bool has_open() const noexcept { return !open_.text.empty(); }
  /// What follows is another log.
  void restart();

 private:
  void add(std::string_view piece, std::uint64_t offset, Time read_at);
  LogLine close(bool ends);

  std::deque<LogLine> ready_;
  LogLine open_;
};

}  // namespace vmfleet::console
