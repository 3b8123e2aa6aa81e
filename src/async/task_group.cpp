// SPDX-License-Identifier: MIT
// TaskGroup: children, their failures, and the wait for the last of them.
#include <vmfleet/async/task_group.hpp>

#include <fmt/format.h>

#include "async/loop_core.hpp"

namespace vmfleet {

TaskGroup::TaskGroup(Loop& loop, detail::PromiseBase& owner) : loop_(loop), owner_(owner) {
  owner.scope().enter(scope_);
}

TaskGroup::~TaskGroup() {
  VMFLEET_CHECK(children_.empty(), "a task group ended while children run");
}

void TaskGroup::adopt(std::unique_ptr<Child> child) noexcept {
  Child& running = *child.release();  // freed by on_ready
  children_.push_back(running);
  ++running_;
  running.task().promise().start_observed(loop_, scope_, &owner_, running);
}

void TaskGroup::Child::on_task_done() noexcept {
  group.loop_.core().post(*this);
}

void TaskGroup::Child::on_ready() noexcept {
  TaskGroup& owner = group;
  const std::exception_ptr failure = task().promise().failure();
  const auto waited_for = std::move(handshake);
  delete this;
  --owner.running_;
  if (failure) {
    try {
      std::rethrow_exception(failure);
    } catch (const Cancelled&) {
      owner.child_cancelled_ = true;
    } catch (...) {
      owner.fail(failure);
    }
  }
  // Only now: who waits for a child that failed is to see the cancellation, not a second failure.
  if (waited_for) waited_for->event.set();
  if (owner.children_.empty()) owner.joiner_.wake_all();
}

void TaskGroup::cancel() noexcept {
  if (!scope_.cancelled()) ended_itself_ = true;
  scope_.cancel();
}

void TaskGroup::fail(std::exception_ptr failure) noexcept {
  ++failures_;
  if (!first_failure_) first_failure_ = std::move(failure);
  scope_.cancel();
}

// Not cancellable: the children see the cancellation, and their end is what is waited for.
Task<void> TaskGroup::join() {
  CancelScope shield;
  while (!children_.empty()) {
    Task<void> wait = joiner_.wait("the tasks of a group");
    co_await detail::in_scope(wait, shield);
  }
}

bool TaskGroup::cut_short(bool body_cancelled) const noexcept {
  return (body_cancelled || child_cancelled_) && owner_.scope().cancelled() && !ended_itself_;
}

void TaskGroup::rethrow() const {
  if (!first_failure_) return;
  if (failures_ == 1) std::rethrow_exception(first_failure_);
  try {
    std::rethrow_exception(first_failure_);
  } catch (Error& error) {
    Error counted = error;
    counted.add_context(fmt::format("first of {} failures", failures_));
    throw counted;
  }
}

}  // namespace vmfleet
