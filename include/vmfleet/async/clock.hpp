// SPDX-License-Identifier: MIT
// Clock: where a loop's time comes from; the real one, and one for tests that jumps.
#pragma once

#include <chrono>

namespace vmfleet {

using TimePoint = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual TimePoint now() const noexcept = 0;
  /// Called when nothing can happen before `deadline`. A clock that can jump moves there and
  /// returns true; otherwise the loop really waits.
  virtual bool jump_to(TimePoint deadline) noexcept = 0;
};

/// CLOCK_MONOTONIC.
class SteadyClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const noexcept override { return std::chrono::steady_clock::now(); }
  bool jump_to(TimePoint) noexcept override { return false; }
};

/// Stands still while anything can happen, then jumps to the next deadline: an hour's timeout is
/// tested in microseconds, and in the same order every time.
class FakeClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const noexcept override { return now_; }
  bool jump_to(TimePoint deadline) noexcept override {
    now_ = deadline;
    return true;
  }
  /// Moves time by hand; timers that became due fire in the loop's next turn.
  void advance(Duration by) noexcept { now_ += by; }

 private:
  TimePoint now_{std::chrono::hours(1)};
};

}  // namespace vmfleet
