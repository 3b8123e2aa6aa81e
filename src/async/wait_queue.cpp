// SPDX-License-Identifier: MIT
// WaitQueue, and what is made of it: Event, Semaphore.
#include <vmfleet/async/detail/wait_queue.hpp>

#include <vmfleet/async/event.hpp>
#include <vmfleet/async/semaphore.hpp>
#include <vmfleet/base/check.hpp>

namespace vmfleet {

namespace detail {

class QueuedWait final : public Leaf, public ListHook<WaitTag> {
 public:
  QueuedWait(WaitQueue& queue, const char* description) noexcept
      : Leaf(description), queue_(queue) {}
  void start() noexcept override { queue_.waits_.push_back(*this); }
  void stop() noexcept override {
    ListHook<WaitTag>::unlink();
    cancelled();
  }
  void wake() noexcept { complete(); }

 private:
  WaitQueue& queue_;
};

WaitQueue::WaitQueue() = default;
WaitQueue::~WaitQueue() {
  VMFLEET_CHECK(empty(), "a wait queue ended while tasks wait in it");
}

Task<void> WaitQueue::wait(const char* description) {
  QueuedWait wait(*this, description);
  co_await wait;
}

bool WaitQueue::wake_one() noexcept {
  if (waits_.empty()) return false;
  waits_.pop_front().wake();
  return true;
}

void WaitQueue::wake_all() noexcept {
  while (wake_one()) {
  }
}

namespace {

class Checkpoint final : public Leaf {
 public:
  Checkpoint() noexcept : Leaf("a checkpoint") {}
  void start() noexcept override { complete(); }
  void stop() noexcept override {}
};

}  // namespace

Task<void> checkpoint() {
  Checkpoint checkpoint;
  co_await checkpoint;
}

}  // namespace detail

Task<void> Event::wait() {
  if (set_) {
    co_await detail::checkpoint();
  } else {
    co_await waiters_.wait("an event");
  }
}

Task<Semaphore::Permit> Semaphore::acquire() {
  if (free_ > 0) {
    co_await detail::checkpoint();
    --free_;
  } else {
    co_await waiters_.wait("a permit");  // handed over by give_back
  }
  co_return Permit(*this);
}

void Semaphore::give_back() noexcept {
  if (!waiters_.wake_one()) ++free_;
}

}  // namespace vmfleet
