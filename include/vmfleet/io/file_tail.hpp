// SPDX-License-Identifier: MIT
// FileTail: what is appended to a file, as it is appended; announced by inotify, never polled.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include <vmfleet/async/loop.hpp>

namespace vmfleet {

/// Some bytes of a followed file.
struct TailChunk {
  std::uint64_t offset = 0;  ///< of the first byte in the file
  std::string data;          ///< at most 64 KiB
  /// Does not go on where the last one ended: the file was truncated or replaced, and reading began
  /// again at its start; or its part before this chunk was freed, and is gone.
  bool restarted = false;
};

/// Follows one file through growth, truncation and replacement; it need not exist yet, its folder
/// must. *Threads*: its loop's own. *Source*: inotify(7).
class FileTail {
 public:
  /// Starts at `offset`. *Errors*: `not_found` (the folder), `unavailable` (inotify limits).
  FileTail(Loop& loop, std::filesystem::path path, std::uint64_t offset = 0);
  FileTail(FileTail&&) noexcept;
  FileTail& operator=(FileTail&&) noexcept;
  ~FileTail();

  /// Waits until there is something new. *Errors*: `not_found` when the folder was removed and
  /// everything has been read. *Cancellation*: nothing is lost.
  Task<TailChunk> next();
  /// What is new now; no data when nothing is.
  TailChunk poll();
  /// Where the next chunk begins.
  [[nodiscard]] std::uint64_t offset() const noexcept;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace vmfleet
