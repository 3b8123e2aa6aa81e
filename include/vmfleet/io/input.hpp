// SPDX-License-Identifier: MIT
// Input: reading what this process was given to read: a terminal, a pipe, a file.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include <vmfleet/async/loop.hpp>

namespace vmfleet {

/// Reads a descriptor that others may share, such as standard input, and changes nothing of it for
/// them: a terminal or pipe is opened once more and only that is made non-blocking.
/// *Threads*: its loop's own. *Lifetime*: ends before its loop; `fd` may be closed earlier.
class Input {
 public:
  /// *Errors*: `unavailable` when the descriptor cannot be read.
  Input(Loop& loop, int fd);
  Input(Input&&) noexcept;
  Input& operator=(Input&&) noexcept;
  ~Input();

  /// Bytes read, at least one; 0 at the end, or when the terminal has gone.
  /// *Cancellation*: nothing was read.
  Task<std::size_t> read(std::span<char> into);

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace vmfleet
