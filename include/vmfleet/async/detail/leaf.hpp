// SPDX-License-Identifier: MIT
// Leaf: the awaiter at the bottom of every wait, where an operation meets cancellation.
#pragma once

#include <coroutine>

#include <vmfleet/async/cancel.hpp>
#include <vmfleet/async/detail/promise.hpp>

namespace vmfleet::detail {

/// One wait for one operation. Its life:
///
///     idle ──start()──► waiting ──complete()──► completed
///      │                   │ scope cancelled                ▲
///      │                   ▼                                │ the result came first
///      │                stopping ──stop() ends──► cancelled │
///      └─scope already cancelled─► cancelled      └─complete()
///
/// It completes exactly once, and resumes its task through the ready queue.
/// A leaf is a named local of the coroutine that awaits it.
class Leaf : public ListHook<LeafTag> {
 public:
  Leaf(const Leaf&) = delete;
  Leaf& operator=(const Leaf&) = delete;

  /// What is waited for, for the task tree.
  [[nodiscard]] const char* description() const noexcept { return description_; }

 protected:
  explicit Leaf(const char* description) noexcept : description_(description) {}
  ~Leaf();

  /// Starts the operation; may call `complete()` before it returns.
  virtual void start() noexcept = 0;
  /// Ends the operation because of a cancellation: calls `cancelled()` now, or sees to it that
  /// `complete()` or `cancelled()` is called later.
  virtual void stop() noexcept = 0;

  /// The result is there (recorded by the derived class).
  void complete() noexcept { end(State::completed); }
  /// The operation ended without a result, because `stop()` asked for it.
  void cancelled() noexcept { end(State::cancelled); }

  [[nodiscard]] bool pending() const noexcept {
    return state_ == State::waiting || state_ == State::stopping;
  }
  /// Valid while pending.
  [[nodiscard]] Loop& loop() const noexcept { return waiter_->loop(); }

 private:
  friend class vmfleet::CancelScope;
  friend class LeafAwaiter;
  enum class State { idle, waiting, stopping, completed, cancelled };

  bool begin(PromiseBase& waiter) noexcept;
  void end(State how) noexcept;
  void cancel() noexcept;
  void throw_if_cancelled() const;

  const char* description_;
  PromiseBase* waiter_ = nullptr;
  State state_ = State::idle;
  bool starting_ = false;
};

/// What `co_await leaf` uses: GCC 12 copies the awaiter, so it is not the leaf itself.
class LeafAwaiter {
 public:
  explicit LeafAwaiter(Leaf& leaf) noexcept : leaf_(&leaf) {}
  bool await_ready() const noexcept { return false; }
  template <class P>
  bool await_suspend(std::coroutine_handle<P> waiter) const noexcept {
    return leaf_->begin(waiter.promise());
  }
  /// *Errors*: throws `Cancelled`.
  void await_resume() const { leaf_->throw_if_cancelled(); }

 private:
  Leaf* leaf_;
};

}  // namespace vmfleet::detail
