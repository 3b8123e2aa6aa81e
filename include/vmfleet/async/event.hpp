// SPDX-License-Identifier: MIT
// Event: a flag that tasks can wait for.
#pragma once

#include <vmfleet/async/detail/wait_queue.hpp>

namespace vmfleet {

/// Once set it stays set until `clear()`, and every wait ends at once.
/// *Lifetime*: outlives its waiters. *Threads*: its loop's own.
class Event {
 public:
  void set() noexcept {
    set_ = true;
    waiters_.wake_all();
  }
  void clear() noexcept { set_ = false; }
  [[nodiscard]] bool is_set() const noexcept { return set_; }
  /// *Cancellation*: throws `Cancelled` in a cancelled scope even when the event is set.
  Task<void> wait();

 private:
  bool set_ = false;
  detail::WaitQueue waiters_;
};

}  // namespace vmfleet
