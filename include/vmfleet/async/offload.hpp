// SPDX-License-Identifier: MIT
// offload: a blocking function, run on the thread pool.
#pragma once

#include <exception>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include <vmfleet/async/task.hpp>

namespace vmfleet {

namespace detail {
/// Runs `work`, which must not throw, on libuv's pool.
Task<void> run_on_pool(std::function<void()> work);
}  // namespace detail

/// Runs `function()` on libuv's thread pool and gives its result.
///
/// *Errors*: what it throws. *Cancellation*: one that has not begun is dropped; one that runs is
/// waited for, and its result is given. *Lifetime*: what it refers to lives until then.
template <class Function>
Task<std::invoke_result_t<Function&>> offload(Function function) {
  using T = std::invoke_result_t<Function&>;
  std::optional<detail::Lifted<T>> result;
  std::exception_ptr failure;
  std::function<void()> work = [&] {
    try {
      if constexpr (std::is_void_v<T>) {
        function();
        result.emplace();
      } else {
        result.emplace(function());
      }
    } catch (...) {
      failure = std::current_exception();
    }
  };
  co_await detail::run_on_pool(std::move(work));
  if (failure) std::rethrow_exception(failure);
  if constexpr (!std::is_void_v<T>) co_return std::move(*result);
}

}  // namespace vmfleet
