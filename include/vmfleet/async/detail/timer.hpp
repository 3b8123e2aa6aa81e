// SPDX-License-Identifier: MIT
// Timer: one deadline on a loop's clock.
#pragma once

#include <map>

#include <vmfleet/async/clock.hpp>

namespace vmfleet {
class CancelScope;
class Loop;
}  // namespace vmfleet

namespace vmfleet::detail {

class Timer {
 public:
  using Queue = std::multimap<TimePoint, Timer*>;

  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void arm(Loop& loop, TimePoint deadline) noexcept;
  void disarm() noexcept;
  virtual void on_deadline() noexcept = 0;

 protected:
  ~Timer() { disarm(); }

 private:
  friend class LoopCore;
  Queue* queue_ = nullptr;  // null while not armed
  Queue::iterator place_;
};

/// Cancels a scope at its deadline.
class ScopeDeadline final : public Timer {
 public:
  ScopeDeadline(Loop& loop, TimePoint deadline, CancelScope& scope) noexcept : scope_(scope) {
    arm(loop, deadline);
  }
  void on_deadline() noexcept override;
  [[nodiscard]] bool passed() const noexcept { return passed_; }

 private:
  CancelScope& scope_;
  bool passed_ = false;
};

}  // namespace vmfleet::detail
