// SPDX-License-Identifier: MIT
// Poller: waiting until a descriptor can be read or written. Private to this room.
#pragma once

#include "async/uv_handle.hpp"

namespace vmfleet::detail {

class PollWait;

/// Watches a descriptor (which the owner keeps open until after this is gone) only while a task
/// waits: an idle descriptor keeps no loop alive. One task waits for each direction at a time.
class Poller {
 public:
  Poller(Loop& loop, int fd, const char* name);
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;
  /// Waits under way end as if the descriptor had become ready.
  ~Poller();

  Task<void> readable();
  Task<void> writable();

 private:
  friend class PollWait;
  void update() noexcept;
  void wake(PollWait*& slot) noexcept;
  void on_event(int status, int events) noexcept;

  UvHandle<uv_poll_t> handle_;
  PollWait* reader_ = nullptr;
  PollWait* writer_ = nullptr;
};

}  // namespace vmfleet::detail
