// SPDX-License-Identifier: MIT
// What shows that a loop still turns: a timer on it, and somebody who wakes it.
#pragma once

#include <uv.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include <vmfleet/async/loop.hpp>

namespace vmfleet::test {

/// A repeating timer of the embedder's own.
class Ticker {
 public:
  explicit Ticker(uv_loop_t& loop) : loop_(loop) {
    uv_timer_init(&loop, &timer_);
    timer_.data = this;
    uv_timer_start(
        &timer_, [](uv_timer_t* timer) { ++static_cast<Ticker*>(timer->data)->ticks; }, 1, 1);
  }
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;
  ~Ticker() {
    uv_close(reinterpret_cast<uv_handle_t*>(&timer_), nullptr);
    uv_run(&loop_, UV_RUN_NOWAIT);
  }
  [[nodiscard]] bool active() const {
    return uv_is_active(reinterpret_cast<const uv_handle_t*>(&timer_)) != 0;
  }
  int ticks = 0;

 private:
  uv_loop_t& loop_;
  uv_timer_t timer_{};
};

/// Gets a loop going again that has overslept, and tells.
class Watchdog {
 public:
  explicit Watchdog(Loop& loop)
      : keep_(loop), thread_([this, &loop] {
          std::unique_lock lock(mutex_);
          overslept_ =
              !changed_.wait_for(lock, std::chrono::seconds(5), [this] { return stopped_; });
          if (overslept_) loop.post_from_any_thread([] {});
        }) {}
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  ~Watchdog() { stop(); }
  /// False when the loop had to be waked.
  bool stop() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_one();
    if (thread_.joinable()) thread_.join();
    return !overslept_;
  }

 private:
  Loop::KeepAlive keep_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;
  bool overslept_ = false;
  std::thread thread_;
};

}  // namespace vmfleet::test
