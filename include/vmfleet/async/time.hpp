// SPDX-License-Identifier: MIT
// Waiting for time, and bounding waits by it.
#pragma once

#include <string>
#include <utility>

#include <vmfleet/async/cancel.hpp>
#include <vmfleet/async/detail/timer.hpp>
#include <vmfleet/async/loop.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/base/units.hpp>

namespace vmfleet {

/// *Cancellation*: ends the wait at once.
Task<void> sleep_until(TimePoint deadline);
Task<void> sleep_for(Milliseconds duration);

/// Lets everything else that is ready run first. *Cancellation*: throws, so a loop that never has
/// to wait can be ended here.
Task<void> yield_now();

/// `timeout` after `from`; the end of time when that is too far away to be counted.
TimePoint deadline_after(TimePoint from, Milliseconds timeout) noexcept;

namespace detail {
[[noreturn]] void throw_timed_out(TimePoint started, TimePoint deadline);

template <class T>
Task<T> bounded(CancelScope& scope, TimePoint deadline, Task<T> task) {
  Loop& loop = co_await current_loop();
  const TimePoint started = loop.now();
  ScopeDeadline timer(loop, deadline, scope);
  auto result = co_await scope.run(std::move(task));
  if (!result) throw_timed_out(started, deadline);
  if constexpr (!std::is_void_v<T>) co_return std::move(*result);
}
}  // namespace detail

/// Runs `task`; at `deadline` cancels it and waits for it to acknowledge.
///
/// *Errors*: `timed_out`. A result that came before the deadline was noticed is given.
template <class T>
Task<T> with_deadline(TimePoint deadline, Task<T> task) {
  CancelScope scope;
  if constexpr (std::is_void_v<T>) {
    co_await detail::bounded(scope, deadline, std::move(task));
  } else {
    co_return co_await detail::bounded(scope, deadline, std::move(task));
  }
}

/// The same with a time from now on.
template <class T>
Task<T> with_timeout(Milliseconds timeout, Task<T> task) {
  Loop& loop = co_await current_loop();
  if constexpr (std::is_void_v<T>) {
    co_await with_deadline(deadline_after(loop.now(), timeout), std::move(task));
  } else {
    co_return co_await with_deadline(deadline_after(loop.now(), timeout), std::move(task));
  }
}

/// Runs `task` untouched by the cancellation of the scopes around it: for cleanup, which therefore
/// always has a limit of its own. *Errors*: `timed_out` at the limit.
template <class T>
Task<T> shielded(Milliseconds limit, Task<T> task) {
  Loop& loop = co_await current_loop();
  CancelScope shield;  // entered by nobody: cancellation from outside does not reach it
  Task<T> bounded = with_deadline(deadline_after(loop.now(), limit), std::move(task));
  if constexpr (std::is_void_v<T>) {
    co_await detail::in_scope(bounded, shield);
  } else {
    co_return co_await detail::in_scope(bounded, shield);
  }
}

/// Runs `body`, then `cleanup()` (a callable that gives a Task<void>) whatever became of the body:
/// shielded, for `limit` at most. *Errors*: the body's; only if it had none, the cleanup's.
template <class T, class Cleanup>
Task<T> finally(Task<T> body, Milliseconds limit, Cleanup cleanup) {
  std::optional<detail::Lifted<T>> result;
  std::exception_ptr failure;
  try {
    if constexpr (std::is_void_v<T>) {
      co_await std::move(body);
      result.emplace();
    } else {
      result.emplace(co_await std::move(body));
    }
  } catch (...) {
    failure = std::current_exception();
  }
  try {
    co_await shielded(limit, cleanup());
  } catch (...) {
    if (!failure) failure = std::current_exception();
  }
  if (failure) std::rethrow_exception(failure);
  if constexpr (!std::is_void_v<T>) co_return std::move(*result);
}

}  // namespace vmfleet
