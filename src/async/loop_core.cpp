// SPDX-License-Identifier: MIT
// LoopCore: one turn of the loop, timers, posts from other threads, and the end.
#include "async/loop_core.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <vmfleet/base/check.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/base/unique_fd.hpp>

namespace vmfleet::detail {

namespace {

/// libuv ends the program when it cannot make its pipes: first see that as many as it needs can be.
void require_descriptors() {
  std::vector<UniqueFd> all;
  for (int i = 0; i < 3; ++i) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
      throw errno_error(ErrorKind::unavailable, "make an event loop", errno)
          .hint("raise the limit on open files: ulimit -n");
    }
    for (const int end : ends) all.emplace_back(end);
  }
}

}  // namespace

LoopCore::LoopCore(uv_loop_t* embedders_loop, Clock* clock)
    : uv_(embedders_loop), clock_(clock == nullptr ? &steady_ : clock) {
  if (uv_ == nullptr) {
    require_descriptors();
    const int error = uv_loop_init(&own_loop_);
    if (error != 0) throw errno_error(ErrorKind::unavailable, "make an event loop", -error);
    uv_ = &own_loop_;
  }
  wakeup_ = new uv_timer_t;
  uv_timer_init(uv_, wakeup_);
  async_ = new uv_async_t;
  VMFLEET_CHECK(uv_async_init(uv_, async_,
                              [](uv_async_t* handle) {
                                static_cast<LoopCore*>(handle->data)->run_posted();
                              }) == 0,
                "uv_async_init failed: out of descriptors?");
  async_->data = this;
  uv_unref(reinterpret_cast<uv_handle_t*>(async_));
}

LoopCore::~LoopCore() {
  services.clear();
  if (!handles_.empty()) report_leaks();
  close_own(wakeup_);
  close_own(async_);
  // Other handles may be active, the embedder's above all: turn only until ours are gone. Close
  // callbacks run in the turn after the close was asked for.
  do {
    uv_run(uv_, UV_RUN_NOWAIT);
  } while (closing_ > 0);
  if (uv_ == &own_loop_ && uv_loop_close(uv_) != 0) report_leaks();
}

// The core's own handles live as long as it does; they are not in the list of handles.
template <class H>
void LoopCore::close_own(H* handle) noexcept {
  ++closing_;
  handle->data = this;
  uv_close(reinterpret_cast<uv_handle_t*>(handle), [](uv_handle_t* closed) {
    static_cast<LoopCore*>(closed->data)->closed();
    delete reinterpret_cast<H*>(closed);
  });
}

void LoopCore::report_leaks() noexcept {
  std::fprintf(stderr, "the loop ends while handles are open:\n");
  if (handles_.empty()) {
    const auto print = [](uv_handle_t* handle, void*) {
      std::fprintf(stderr, "  a %s that was opened by hand\n", uv_handle_type_name(handle->type));
    };
    uv_walk(uv_, print, nullptr);
  }
  handles_.for_each([](HandleBlock& block) { std::fprintf(stderr, "  %s\n", block.name); });
  std::fflush(stderr);
  std::abort();
}

void LoopCore::closing(HandleBlock& block) noexcept {
  block.unlink();
  ++closing_;
}

void LoopCore::post(ReadyItem& item) noexcept {
  VMFLEET_CHECK(std::this_thread::get_id() == thread_, "a loop was used from another thread");
  // libuv polls after it has run its timers and the embedder's prepare handles: a poll without end
  // must not keep waiting what these have made ready.
  if (polling_ && ready_.empty()) wake_after(0);
  ready_.push_back(item);
}

void LoopCore::run_ready() noexcept {
  ReadyQueue batch;  // what is posted meanwhile waits for the next turn, so that I/O is not starved
  ready_.move_to(batch);
  while (!batch.empty()) batch.pop_front().on_ready();
}

void LoopCore::fire_timers() noexcept {
  const TimePoint now = clock_->now();
  while (!timers_.empty() && timers_.begin()->first <= now) {
    Timer& timer = *timers_.begin()->second;
    timer.disarm();
    timer.on_deadline();
  }
}

bool LoopCore::turn_until(const std::function<bool()>& done) {
  for (;;) {
    if (done()) return true;
    if (ready_.empty()) {
      if (!wait()) return false;
    } else {
      run_ready();
      if (done()) return true;
      uv_run(uv_, UV_RUN_NOWAIT);
    }
    fire_timers();
  }
}

bool LoopCore::wait() {
  if (run_posted()) return true;  // libuv does not look while nothing else keeps its loop alive
  if (!timers_.empty() && timers_.begin()->first <= clock_->now()) return true;
  const bool io = uv_loop_alive(uv_) != 0;
  if (timers_.empty()) {
    if (!io) return false;
    poll_once();
    return true;
  }
  const TimePoint deadline = timers_.begin()->first;
  if (io) {
    uv_run(uv_, UV_RUN_NOWAIT);
    if (!ready_.empty()) return true;
  }
  // A clock that jumps does so only when no real operation is under way.
  if (uv_loop_alive(uv_) == 0 && clock_->jump_to(deadline)) return true;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock_->now());
  wake_after(left.count() > 0 ? static_cast<std::uint64_t>(left.count()) : 0);
  poll_once();
  return true;
}

// It repeats, because the first shot may fall due before libuv has come to poll.
void LoopCore::wake_after(std::uint64_t milliseconds) noexcept {
  uv_update_time(uv_);
  uv_timer_start(
      wakeup_, [](uv_timer_t*) {}, milliseconds, 1);
}

void LoopCore::poll_once() noexcept {
  polling_ = true;
  uv_run(uv_, UV_RUN_ONCE);
  polling_ = false;
  uv_timer_stop(wakeup_);
}

void LoopCore::post_from_any_thread(std::function<void()> callback) {
  {
    const std::lock_guard lock(posted_mutex_);
    posted_.push_back(std::move(callback));
  }
  uv_async_send(async_);
}

bool LoopCore::run_posted() noexcept {
  std::vector<std::function<void()>> callbacks;
  {
    const std::lock_guard lock(posted_mutex_);
    callbacks.swap(posted_);
  }
  for (auto& callback : callbacks) callback();
  return !callbacks.empty();
}

void LoopCore::keep_alive(bool more) noexcept {
  keep_alive_ += more ? 1 : -1;
  auto* handle = reinterpret_cast<uv_handle_t*>(async_);
  if (keep_alive_ > 0) {
    uv_ref(handle);
  } else {
    uv_unref(handle);
  }
}

}  // namespace vmfleet::detail
