// SPDX-License-Identifier: MIT
// LogReader: a console log line by line, as it is and as it grows.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <vmfleet/async/loop.hpp>

namespace vmfleet::console {

/// A line, or a piece of one that has not ended. The bytes are the guest's: `sanitize` them before
/// they reach a terminal.
struct LogLine {
  std::uint64_t offset = 0;  ///< of its first byte in the log
  std::string text;          ///< without the line end and without NUL bytes
  bool begins = true;        ///< false: goes on where the piece before it stopped
  bool ends = true;          ///< false: more of the line may follow
  /// When it was read; known only for what was written while the log was followed, since QEMU
  /// writes no times and a file has none for its parts.
  std::optional<std::chrono::system_clock::time_point> read_at;
};

/// Where the kept part of a log begins: a log whose size is limited has a hole for a head.
/// Blocking; 0 when there is no such file.
std::uint64_t log_start(const std::filesystem::path& log);

/// Where the last `lines` lines begin, an unended one being a line. Reads backwards from the end
/// and no more than it has to. Blocking; 0 when there is no such file.
std::uint64_t log_tail_start(const std::filesystem::path& log, std::size_t lines);

/// *Threads*: its loop's own.
class LogReader {
 public:
  /// Begins at `offset`, see `log_start`; the file may come later. *Errors*: as `FileTail`.
  LogReader(Loop& loop, std::filesystem::path log, std::uint64_t offset);
  LogReader(LogReader&&) noexcept;
  LogReader& operator=(LogReader&&) noexcept;
  ~LogReader();

  /// The next line that is there now, at last the open one; nothing at the end of the log.
  std::optional<LogLine> poll();
  /// The next line, as soon as it ends. What there is of an open line (a prompt) comes when it has
  /// not grown for 100 ms; of a line over 64 KiB, in pieces. *Cancellation*: nothing is lost.
  Task<LogLine> next();

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace vmfleet::console
