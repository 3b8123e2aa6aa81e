// SPDX-License-Identifier: MIT
// Timers and the waits made of them.
#include <vmfleet/async/time.hpp>

#include <algorithm>

#include <fmt/format.h>

#include "async/loop_core.hpp"

namespace vmfleet {

namespace detail {

void Timer::arm(Loop& loop, TimePoint deadline) noexcept {
  disarm();
  queue_ = &loop.core().timers();
  place_ = queue_->emplace(deadline, this);
}

void Timer::disarm() noexcept {
  if (queue_ != nullptr) queue_->erase(place_);
  queue_ = nullptr;
}

void ScopeDeadline::on_deadline() noexcept {
  passed_ = true;
  scope_.cancel();
}

void throw_timed_out(TimePoint started, TimePoint deadline) {
  const auto allowed =
      deadline > started ? std::chrono::ceil<Milliseconds>(deadline - started) : Milliseconds(0);
  throw Error(ErrorKind::timed_out, fmt::format("timed out after {}", to_string(allowed)));
}

namespace {

class Sleep final : public Leaf, public Timer {
 public:
  explicit Sleep(TimePoint deadline) noexcept : Leaf("a deadline"), deadline_(deadline) {}
  void start() noexcept override { arm(loop(), deadline_); }
  void stop() noexcept override {
    disarm();
    cancelled();
  }
  void on_deadline() noexcept override { complete(); }

 private:
  TimePoint deadline_;
};

class Yield final : public Leaf, public ReadyItem {
 public:
  Yield() noexcept : Leaf("its next turn") {}
  void start() noexcept override { loop().core().post(*this); }
  void stop() noexcept override {
    ReadyItem::unlink();
    cancelled();
  }
  void on_ready() noexcept override { complete(); }
};

}  // namespace
}  // namespace detail

TimePoint deadline_after(TimePoint from, Milliseconds timeout) noexcept {
  const auto room = std::chrono::floor<Milliseconds>(TimePoint::max() - from);
  return from + std::clamp(timeout, -room, room);
}

Task<void> yield_now() {
  detail::Yield yield;
  co_await yield;
}

Task<void> sleep_until(TimePoint deadline) {
  detail::Sleep sleep(deadline);
  co_await sleep;
}

Task<void> sleep_for(Milliseconds duration) {
  Loop& loop = co_await current_loop();
  co_await sleep_until(deadline_after(loop.now(), duration));
}

}  // namespace vmfleet
