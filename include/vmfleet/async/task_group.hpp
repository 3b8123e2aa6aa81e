// SPDX-License-Identifier: MIT
// TaskGroup: tasks that run beside each other and end together.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>

#include <vmfleet/async/event.hpp>
#include <vmfleet/async/loop.hpp>
#include <vmfleet/base/error.hpp>

namespace vmfleet {

namespace detail {
struct ChildTag;
struct Handshake {
  Event event;
  bool ready = false;
};
}  // namespace detail

/// Given to a task started by `start_until_ready`; called once when it is ready to be used.
class ReadySignal {
 public:
  explicit ReadySignal(std::shared_ptr<detail::Handshake> handshake) noexcept
      : handshake_(std::move(handshake)) {}
  void operator()() const noexcept {
    handshake_->ready = true;
    handshake_->event.set();
  }

 private:
  std::shared_ptr<detail::Handshake> handshake_;
};

/// Made by `with_task_group`, which returns when every child has finished.
///
/// The first failure of a child cancels the others. *Threads*: its loop's own.
class TaskGroup {
 public:
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  /// Starts `callable(args…)`, a Task<void>, at once. Callable and arguments are moved into storage
  /// that lives as long as the child, so a capturing lambda is fine.
  template <class Callable, class... Args>
  void start(Callable callable, Args... args) {
    adopt(std::make_unique<ChildOf<Callable, Args...>>(*this, std::move(callable),
                                                       std::move(args)...));
  }

  /// Starts `callable(ReadySignal, args…)` and waits until it calls the signal; it then runs on.
  ///
  /// *Errors*: when the child fails first, the group is cancelled and `with_task_group` throws its
  /// failure; when it ends without having been ready, `internal`.
  template <class Callable, class... Args>
  Task<void> start_until_ready(Callable callable, Args... args) {
    auto handshake = std::make_shared<detail::Handshake>();
    auto child = std::make_unique<ChildOf<Callable, ReadySignal, Args...>>(
        *this, std::move(callable), ReadySignal(handshake), std::move(args)...);
    child->handshake = handshake;
    adopt(std::move(child));
    co_await handshake->event.wait();
    if (!handshake->ready) {
      throw Error(ErrorKind::internal, "a task ended before it was ready");
    }
  }

  /// Ends all children; `with_task_group` then returns without an error.
  void cancel() noexcept;
  /// Children that have not finished.
  [[nodiscard]] std::size_t running() const noexcept { return running_; }

 private:
  template <class Body>
  friend auto with_task_group(Body body) -> std::invoke_result_t<Body&, TaskGroup&>;

  struct Child : detail::ListHook<detail::ChildTag>, detail::ReadyItem, detail::TaskObserver {
    explicit Child(TaskGroup& owner) : group(owner) {}
    virtual ~Child() = default;
    virtual Task<void>& task() noexcept = 0;
    void on_task_done() noexcept final;
    void on_ready() noexcept final;

    TaskGroup& group;
    std::shared_ptr<detail::Handshake> handshake;
  };

  template <class Callable, class... Args>
  struct ChildOf final : Child {
    ChildOf(TaskGroup& owner, Callable c, Args... a)
        : Child(owner),
          callable(std::move(c)),
          arguments(std::move(a)...),
          running(std::apply([this](Args&... each) { return callable(std::move(each)...); },
                             arguments)) {}
    Task<void>& task() noexcept override { return running; }

    Callable callable;
    std::tuple<Args...> arguments;  // a coroutine that takes references keeps them
    Task<void> running;
  };

  TaskGroup(Loop& loop, detail::PromiseBase& owner);
  ~TaskGroup();

  void adopt(std::unique_ptr<Child> child) noexcept;
  void fail(std::exception_ptr failure) noexcept;
  Task<void> join();
  /// Rethrows the first failure, with the others counted.
  void rethrow() const;
  /// True when a cancellation from outside, and not `cancel()` before it, ended the body or a
  /// child.
  [[nodiscard]] bool cut_short(bool body_cancelled) const noexcept;

  Loop& loop_;
  detail::PromiseBase& owner_;
  CancelScope scope_;
  detail::List<Child, detail::ChildTag> children_;
  std::size_t running_ = 0;
  bool ended_itself_ = false;
  bool child_cancelled_ = false;
  std::exception_ptr first_failure_;
  std::size_t failures_ = 0;
  detail::WaitQueue joiner_;
};

/// Runs `body(group)`, a Task<T>, and waits for all that it started.
///
/// *Errors*: the first failure of the body or of a child; the others are cancelled first, and
/// counted in its context. *Cancellation*: reaches the body and all children; passed on when they
/// have ended. *Lifetime*: what the children refer to lives until this returns.
template <class Body>
auto with_task_group(Body body) -> std::invoke_result_t<Body&, TaskGroup&> {
  using T = detail::ResultOf<std::invoke_result_t<Body&, TaskGroup&>>;
  detail::PromiseBase& self = co_await detail::current_promise();
  TaskGroup group(self.loop(), self);
  std::optional<detail::Lifted<T>> result;
  bool cancelled = false;
  try {
    auto task = body(group);
    if constexpr (std::is_void_v<T>) {
      co_await detail::in_scope(task, group.scope_);
      result.emplace();
    } else {
      result.emplace(co_await detail::in_scope(task, group.scope_));
    }
  } catch (const Cancelled&) {
    cancelled = true;
  } catch (...) {
    group.fail(std::current_exception());
  }
  co_await group.join();
  group.rethrow();
  if (group.cut_short(cancelled) || (cancelled && !std::is_void_v<T>)) throw Cancelled();
  if constexpr (!std::is_void_v<T>) co_return std::move(*result);
}

}  // namespace vmfleet
