// SPDX-License-Identifier: MIT
// Task<T>: a lazy coroutine, awaited exactly once.
#pragma once

#include <coroutine>
#include <optional>
#include <type_traits>
#include <utility>

#include <vmfleet/async/detail/leaf.hpp>
#include <vmfleet/async/detail/promise.hpp>
#include <vmfleet/async/detail/unit.hpp>
#include <vmfleet/base/check.hpp>

namespace vmfleet {

template <class T = void>
class Task;
class TaskGroup;

/// `Loop& loop = co_await current_loop();`
struct CurrentLoop {};
inline CurrentLoop current_loop() noexcept {
  return {};
}

namespace detail {

template <class>
struct TaskResult;
template <class T>
struct TaskResult<Task<T>> {
  using Type = T;
};
/// The T of a Task<T>.
template <class SomeTask>
using ResultOf = typename TaskResult<SomeTask>::Type;

/// A value that `co_await` gives at once.
template <class T>
class Ready {
 public:
  explicit Ready(T value) noexcept : value_(value) {}
  bool await_ready() const noexcept { return true; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  T await_resume() const noexcept { return value_; }

 private:
  T value_;
};

/// `PromiseBase& self = co_await current_promise();`, for the machinery only.
struct CurrentPromise {};
inline CurrentPromise current_promise() noexcept {
  return {};
}

template <class T>
class TaskAwaiter;

template <class T>
class Promise;

class AwaitingPromise : public PromiseBase {
 public:
  // The defaults are evaluated where the compiler writes the call: in the awaiting coroutine.
  template <class T>
  TaskAwaiter<T> await_transform(Task<T>&& task, int line = __builtin_LINE()) noexcept {
    awaiting_line_ = line;
    return TaskAwaiter<T>(task.promise(), scope());
  }
  template <class T>
  TaskAwaiter<T> await_transform(TaskAwaiter<T> awaiter, int line = __builtin_LINE()) noexcept {
    awaiting_line_ = line;
    return awaiter;
  }
  LeafAwaiter await_transform(Leaf& leaf, int line = __builtin_LINE()) noexcept {
    awaiting_line_ = line;
    return LeafAwaiter(leaf);
  }
  Ready<Loop&> await_transform(CurrentLoop) noexcept { return Ready<Loop&>(loop()); }
  Ready<PromiseBase&> await_transform(CurrentPromise) noexcept {
    return Ready<PromiseBase&>(*this);
  }

 protected:
  AwaitingPromise() = default;
  ~AwaitingPromise() = default;
};

template <class T>
class Promise final : public AwaitingPromise {
 public:
  Task<T> get_return_object(const char* name = __builtin_FUNCTION(),
                            const char* file = __builtin_FILE(),
                            int line = __builtin_LINE()) noexcept;
  template <class U>
  void return_value(U&& value) {
    value_.emplace(std::forward<U>(value));
  }
  T take() {
    if (failure()) std::rethrow_exception(failure());
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class Promise<void> final : public AwaitingPromise {
 public:
  Task<void> get_return_object(const char* name = __builtin_FUNCTION(),
                               const char* file = __builtin_FILE(),
                               int line = __builtin_LINE()) noexcept;
  void return_void() const noexcept {}
  void take() const {
    if (failure()) std::rethrow_exception(failure());
  }
};

/// Starts the child inside `await_suspend`. Only when the child really suspends does the parent;
/// there is no symmetric transfer, which GCC does not make a tail call without optimisation.
template <class T>
class TaskAwaiter {
 public:
  TaskAwaiter(Promise<T>& child, CancelScope& scope) noexcept : child_(&child), scope_(&scope) {}
  bool await_ready() const noexcept { return false; }
  template <class P>
  bool await_suspend(std::coroutine_handle<P> parent) noexcept {
    return !child_->start_as_child(parent.promise(), *scope_);
  }
  T await_resume() const { return child_->take(); }

 private:
  Promise<T>* child_;
  CancelScope* scope_;
};

/// Awaits `task` in another scope than the awaiting coroutine's.
template <class T>
TaskAwaiter<T> in_scope(Task<T>& task, CancelScope& scope) noexcept {
  return TaskAwaiter<T>(task.promise(), scope);
}

}  // namespace detail

/// A coroutine that starts when it is awaited: `T value = co_await task();`.
///
/// Move-only; only an rvalue can be awaited, once. *Errors*: what the coroutine threw is rethrown
/// by `co_await`. *Lifetime*: destroying a task that has started and not finished is a contract
/// violation and ends the process with the task's name and source; its frame may therefore hold
/// buffers of operations under way. *Threads*: its loop's own.
template <class T>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;

  Task(Task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~Task() {
    if (!frame_) return;
    if (promise().started() && !promise().done()) promise().destroyed_unfinished();
    frame_.destroy();
  }

 private:
  friend class detail::Promise<T>;
  friend class detail::AwaitingPromise;
  friend class Loop;
  friend class TaskGroup;
  template <class U>
  friend detail::TaskAwaiter<U> detail::in_scope(Task<U>& task, CancelScope& scope) noexcept;

  explicit Task(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}
  [[nodiscard]] promise_type& promise() const noexcept {
    VMFLEET_CHECK(frame_, "a moved-from task was used");
    return frame_.promise();
  }

  std::coroutine_handle<promise_type> frame_;
};

namespace detail {

template <class T>
Task<T> Promise<T>::get_return_object(const char* name, const char* file, int line) noexcept {
  const auto frame = std::coroutine_handle<Promise>::from_promise(*this);
  self_ = frame;
  name_ = name;
  file_ = file;
  line_ = line;
  return Task<T>(frame);
}

inline Task<void> Promise<void>::get_return_object(const char* name, const char* file,
                                                   int line) noexcept {
  const auto frame = std::coroutine_handle<Promise>::from_promise(*this);
  self_ = frame;
  name_ = name;
  file_ = file;
  line_ = line;
  return Task<void>(frame);
}

}  // namespace detail

template <class T>
Task<std::optional<detail::Lifted<T>>> CancelScope::run(Task<T> task) {
  detail::PromiseBase& self = co_await detail::current_promise();
  CancelScope& outer = self.scope();
  outer.enter(*this);
  std::optional<detail::Lifted<T>> result;
  bool ended_by_cancel = false;
  try {
    if constexpr (std::is_void_v<T>) {
      co_await detail::in_scope(task, *this);
      result.emplace();
    } else {
      result.emplace(co_await detail::in_scope(task, *this));
    }
  } catch (const Cancelled&) {
    ended_by_cancel = true;
  } catch (...) {
    unlink();
    throw;
  }
  unlink();
  if (ended_by_cancel && (outer.cancelled() || !cancelled_here_)) throw Cancelled();
  co_return result;
}

}  // namespace vmfleet
