// SPDX-License-Identifier: MIT
// LoopCore: what stands behind Loop. Private to the rooms that may see libuv.
#pragma once

#include <uv.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <typeindex>
#include <vector>

#include <vmfleet/async/detail/timer.hpp>
#include <vmfleet/async/loop.hpp>

namespace vmfleet::detail {

struct HandleTag;

/// The heap block of a libuv handle: named, listed, freed by its close callback.
struct HandleBlock : ListHook<HandleTag> {
  explicit HandleBlock(const char* handle_name) : name(handle_name) {}
  const char* name;
};

class LoopCore {
 public:
  LoopCore(uv_loop_t* embedders_loop, Clock* clock);
  LoopCore(const LoopCore&) = delete;
  LoopCore& operator=(const LoopCore&) = delete;
  ~LoopCore();

  [[nodiscard]] uv_loop_t* uv() noexcept { return uv_; }
  [[nodiscard]] TimePoint now() const noexcept { return clock_->now(); }

  /// To run in the loop's next turn.
  void post(ReadyItem& item) noexcept;
  void add_live(PromiseBase& task) noexcept { live_.push_back(task); }
  void add_handle(HandleBlock& block) noexcept { handles_.push_back(block); }
  /// Its close callback will free it.
  void closing(HandleBlock& block) noexcept;
  void closed() noexcept { --closing_; }
  [[nodiscard]] Timer::Queue& timers() noexcept { return timers_; }

  template <class Visit>
  void for_each_live(Visit visit) {
    live_.for_each(visit);
  }

  /// The calling thread is the loop's from now on.
  void enter_thread() noexcept { thread_ = std::this_thread::get_id(); }
  /// Turns the loop until `done()`; false when nothing can happen any more.
  bool turn_until(const std::function<bool()>& done);

  void post_from_any_thread(std::function<void()> callback);
  void keep_alive(bool more) noexcept;

  bool running = false;  // inside Loop::run
  std::map<std::type_index, std::unique_ptr<LoopService>> services;

 private:
  void run_ready() noexcept;
  void fire_timers() noexcept;
  /// Waits for the next thing to happen; false when there is none.
  bool wait();
  void wake_after(std::uint64_t milliseconds) noexcept;
  void poll_once() noexcept;
  /// True when there were calls from other threads.
  bool run_posted() noexcept;
  template <class H>
  void close_own(H* handle) noexcept;
  [[noreturn]] void report_leaks() noexcept;

  uv_loop_t own_loop_;
  uv_loop_t* uv_;
  SteadyClock steady_;
  Clock* clock_;
  std::thread::id thread_ = std::this_thread::get_id();  // where it runs

  ReadyQueue ready_;
  List<PromiseBase, LiveTag> live_;
  List<HandleBlock, HandleTag> handles_;
  std::size_t closing_ = 0;
  Timer::Queue timers_;
  uv_timer_t* wakeup_ = nullptr;
  bool polling_ = false;  // inside uv_run, which may wait
  uv_async_t* async_ = nullptr;
  int keep_alive_ = 0;

  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;
};

}  // namespace vmfleet::detail
