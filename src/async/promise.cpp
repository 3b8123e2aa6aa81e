// SPDX-License-Identifier: MIT
// The life of a coroutine: start, finish, and the fatal end.
#include <cstdio>
#include <cstdlib>

#include "async/loop_core.hpp"

namespace vmfleet::detail {

void PromiseBase::begin(Loop& loop, CancelScope& scope, PromiseBase* parent) noexcept {
  VMFLEET_CHECK(state_ == State::created, "a task was awaited twice");
  loop_ = &loop;
  scope_ = &scope;
  parent_ = parent;
  state_ = State::started;
  loop.core().add_live(*this);
  starting_ = true;
  self_.resume();
  starting_ = false;
}

bool PromiseBase::start_as_child(PromiseBase& parent, CancelScope& scope) noexcept {
  waiter_ = &parent;
  begin(parent.loop(), scope, &parent);
  return done();
}

void PromiseBase::start_observed(Loop& loop, CancelScope& scope, PromiseBase* parent,
                                 TaskObserver& observer) noexcept {
  observer_ = &observer;
  begin(loop, scope, parent);
}

void PromiseBase::finish() noexcept {
  state_ = State::done;
  ListHook<LiveTag>::unlink();
  if (observer_ != nullptr) {
    observer_->on_task_done();
  } else if (!starting_) {
    loop_->core().post(*waiter_);
  }
}

void PromiseBase::on_ready() noexcept {
  leaf_ = nullptr;
  self_.resume();
}

void PromiseBase::destroyed_unfinished() const noexcept {
  std::fprintf(stderr,
               "a task was destroyed before it had finished: %s (%s:%d), waiting at line %d\n",
               name_, file_, line_, awaiting_line_);
  std::fflush(stderr);
  std::abort();
}

}  // namespace vmfleet::detail
