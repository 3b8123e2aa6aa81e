// SPDX-License-Identifier: MIT
// What every coroutine of ours knows: its loop, its cancel scope, who waits for it, its name.
#pragma once

#include <coroutine>
#include <exception>

#include <vmfleet/async/detail/ready.hpp>

namespace vmfleet {

class CancelScope;
class Loop;

namespace detail {

class Leaf;
struct LiveTag;

/// Told when a task that was started without a waiting parent has finished.
class TaskObserver {
 public:
  /// The frame is suspended at its end; it must not be destroyed before the loop's next turn.
  virtual void on_task_done() noexcept = 0;

 protected:
  ~TaskObserver() = default;
};

/// A coroutine's life: created → started → (suspended ⇄ queued → running)* → done → destroyed.
/// It is in its loop's list of live tasks from start to done.
class PromiseBase : public ReadyItem, public ListHook<LiveTag> {
 public:
  struct FinalAwaiter {
    bool await_ready() const noexcept { return false; }
    template <class P>
    void await_suspend(std::coroutine_handle<P> finished) const noexcept {
      static_cast<PromiseBase&>(finished.promise()).finish();
    }
    void await_resume() const noexcept {}
  };

  std::suspend_always initial_suspend() const noexcept { return {}; }
  FinalAwaiter final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { failure_ = std::current_exception(); }

  /// Starts the coroutine inside the awaiting one. True when it has already finished.
  bool start_as_child(PromiseBase& parent, CancelScope& scope) noexcept;
  /// Starts it under `observer`; `parent` (may be null) is only where it stands in the task tree.
  void start_observed(Loop& loop, CancelScope& scope, PromiseBase* parent,
                      TaskObserver& observer) noexcept;

  [[nodiscard]] bool started() const noexcept { return state_ != State::created; }
  [[nodiscard]] bool done() const noexcept { return state_ == State::done; }
  [[nodiscard]] Loop& loop() const noexcept { return *loop_; }
  [[nodiscard]] CancelScope& scope() const noexcept { return *scope_; }
  [[nodiscard]] const std::exception_ptr& failure() const noexcept { return failure_; }

  /// Ends the process: a started task is destroyed before it has finished.
  [[noreturn]] void destroyed_unfinished() const noexcept;

  void on_ready() noexcept final;

 protected:
  PromiseBase() = default;
  ~PromiseBase() = default;

  std::coroutine_handle<> self_;
  const char* name_ = "?";
  const char* file_ = "?";
  int line_ = 0;
  int awaiting_line_ = 0;

 private:
  friend class Leaf;
  friend class vmfleet::Loop;
  friend class TaskTree;

  enum class State { created, started, done };

  void begin(Loop& loop, CancelScope& scope, PromiseBase* parent) noexcept;
  void finish() noexcept;

  State state_ = State::created;
  bool starting_ = false;  // inside start_*: the starter sees the end itself
  Loop* loop_ = nullptr;
  CancelScope* scope_ = nullptr;
  PromiseBase* parent_ = nullptr;  // in the task tree
  PromiseBase* waiter_ = nullptr;  // resumed when this one is done
  TaskObserver* observer_ = nullptr;
  const Leaf* leaf_ = nullptr;  // what it is suspended on
  std::exception_ptr failure_;
};

}  // namespace detail
}  // namespace vmfleet
