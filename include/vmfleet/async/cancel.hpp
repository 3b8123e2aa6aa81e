// SPDX-License-Identifier: MIT
// CancelScope: the extent of what one cancel() ends; Cancelled: how a wait learns of it.
#pragma once

#include <optional>

#include <vmfleet/async/detail/list.hpp>
#include <vmfleet/async/detail/unit.hpp>

namespace vmfleet {

template <class T>
class Task;

/// Thrown by a wait whose scope was cancelled. Deliberately not a `std::exception`: code that
/// handles errors must not handle this. Catch it only to rethrow it.
struct Cancelled {};

namespace detail {
class Leaf;
struct LeafTag;
struct ScopeTag;
}  // namespace detail

/// Ends every wait of the tasks that run in it, and of the scopes inside it.
///
/// Cancellation is level-triggered: once cancelled, every later wait in the scope throws at once,
/// unless it is `shielded`. A result that arrived before the cancellation is delivered.
/// *Lifetime*: outlives the tasks that run in it. *Threads*: only its loop's own.
class CancelScope : public detail::ListHook<detail::ScopeTag> {
 public:
  CancelScope() = default;
  ~CancelScope();

  /// May be called at any time, also again, also from a task inside the scope. Resumes nothing
  /// itself: the tasks learn of it in the loop's next turn.
  void cancel() noexcept;
  /// True once this scope or one around it was cancelled.
  [[nodiscard]] bool cancelled() const noexcept { return cancelled_; }

  /// Runs `task` in this scope. The result, or nullopt when the cancellation of *this* scope ended
  /// it. *Cancellation*: of a scope around this one is passed on as `Cancelled`.
  template <class T>
  Task<std::optional<detail::Lifted<T>>> run(Task<T> task);

 private:
  friend class detail::Leaf;
  friend class TaskGroup;

  void enter(CancelScope& inner) noexcept;
  void spread() noexcept;

  bool cancelled_ = false;
  bool cancelled_here_ = false;
  detail::List<CancelScope, detail::ScopeTag> inner_;
  detail::List<detail::Leaf, detail::LeafTag> waits_;
};

}  // namespace vmfleet
