// SPDX-License-Identifier: MIT
// WaitQueue: tasks that wait until another task of the same loop wakes them, first come first
// served.
#pragma once

#include <vmfleet/async/detail/list.hpp>
#include <vmfleet/async/task.hpp>

namespace vmfleet::detail {

struct WaitTag;
class QueuedWait;

class WaitQueue {
 public:
  WaitQueue();
  /// Nobody may still wait in it.
  ~WaitQueue();

  /// *Cancellation*: leaves the queue at once; a wake-up that came first counts.
  Task<void> wait(const char* description);
  /// True when somebody was waiting.
  bool wake_one() noexcept;
  void wake_all() noexcept;
  [[nodiscard]] bool empty() noexcept { return waits_.empty(); }

 private:
  friend class QueuedWait;
  List<QueuedWait, WaitTag> waits_;
};

/// Waits for nothing, but throws `Cancelled` in a cancelled scope, as every wait does.
Task<void> checkpoint();

}  // namespace vmfleet::detail
