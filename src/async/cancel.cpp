// SPDX-License-Identifier: MIT
// Cancellation: from a scope to the leaves that wait in it.
#include <vmfleet/async/cancel.hpp>

#include <vmfleet/base/check.hpp>

#include "async/loop_core.hpp"

namespace vmfleet {

CancelScope::~CancelScope() {
  VMFLEET_CHECK(waits_.empty() && inner_.empty(), "a cancel scope ended while tasks ran in it");
}

void CancelScope::enter(CancelScope& inner) noexcept {
  VMFLEET_CHECK(!inner.linked(), "a cancel scope was entered twice");
  inner_.push_back(inner);
  if (cancelled_) inner.spread();
}

void CancelScope::cancel() noexcept {
  cancelled_here_ = true;
  if (!cancelled_) spread();
}

void CancelScope::spread() noexcept {
  cancelled_ = true;
  while (!waits_.empty()) waits_.pop_front().cancel();
  inner_.for_each([](CancelScope& scope) {
    if (!scope.cancelled_) scope.spread();
  });
}

namespace detail {

Leaf::~Leaf() {
  VMFLEET_CHECK(!pending(), "a wait was destroyed while it was pending");
}

bool Leaf::begin(PromiseBase& waiter) noexcept {
  VMFLEET_CHECK(!pending(), "a wait was awaited twice");
  waiter_ = &waiter;
  if (waiter.scope().cancelled()) {
    state_ = State::cancelled;
    return false;
  }
  waiter.scope().waits_.push_back(*this);
  state_ = State::waiting;
  starting_ = true;
  start();
  starting_ = false;
  if (!pending()) return false;
  waiter.leaf_ = this;
  return true;
}

void Leaf::end(State how) noexcept {
  VMFLEET_CHECK(pending(), "a wait was completed twice");
  unlink();
  state_ = how;
  if (!starting_) waiter_->loop().core().post(*waiter_);
}

void Leaf::cancel() noexcept {
  state_ = State::stopping;
  stop();
}

void Leaf::throw_if_cancelled() const {
  if (state_ == State::cancelled) throw Cancelled();
}

}  // namespace detail
}  // namespace vmfleet
