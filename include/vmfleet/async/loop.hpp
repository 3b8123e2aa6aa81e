// SPDX-License-Identifier: MIT
// Loop: one thread's event loop, and the only root of coroutines.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <typeindex>

#include <vmfleet/async/clock.hpp>
#include <vmfleet/async/task.hpp>

struct uv_loop_s;

namespace vmfleet {

namespace detail {
class LoopCore;

/// Something that lives once per loop and is made on first use (the inotify instance, say).
class LoopService {
 public:
  virtual ~LoopService() = default;
};
}  // namespace detail

/// Runs tasks on a libuv loop, its own or the embedder's.
///
/// *Threads*: one thread per loop; only `post_from_any_thread` may be called from others.
/// *Lifetime*: outlives everything that was made on it. Its destructor closes what the library
/// keeps per loop; a handle that is still open then is listed by name, and the process ends.
class Loop {
 public:
  /// *Errors*: `unavailable` (out of descriptors).
  Loop();
  /// Time comes from `clock`, which outlives the loop.
  explicit Loop(Clock& clock);
  /// Runs on the embedder's loop, which stays theirs and must outlive this object. `run` then
  /// turns that loop, so that the embedder's own handles are served meanwhile.
  explicit Loop(uv_loop_s* embedders_loop);
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop();

  /// Runs `task` to its end and gives its result. The only root: all other coroutines run inside.
  ///
  /// *Errors*: what the task threw. When nothing can happen any more and the task has not
  /// finished, all waits are cancelled and an `internal` error with the task tree is thrown.
  template <class T>
  T run(Task<T> task) {
    run_until_done(task.promise());
    return task.promise().take();
  }

  /// Runs `callback`, which must not throw, on the loop's thread soon. *Threads*: any. While a
  /// `KeepAlive` exists, the loop waits for such calls instead of reporting a deadlock.
  void post_from_any_thread(std::function<void()> callback);

  /// Says that calls of `post_from_any_thread` are to come.
  class KeepAlive {
   public:
    explicit KeepAlive(Loop& loop);
    KeepAlive(const KeepAlive&) = delete;
    KeepAlive& operator=(const KeepAlive&) = delete;
    ~KeepAlive();

   private:
    Loop& loop_;
  };

  [[nodiscard]] TimePoint now() const noexcept;
  /// Every unfinished task, indented under the one that waits for it, with the place of its wait.
  [[nodiscard]] std::string task_tree() const;
  [[nodiscard]] uv_loop_s* uv() const noexcept;

  /// The loop's one `Service`, made on first use.
  template <class Service>
  Service& service() {
    auto& slot = service_slot(typeid(Service));
    if (!slot) slot = std::make_unique<Service>(*this);
    return static_cast<Service&>(*slot);
  }

  [[nodiscard]] detail::LoopCore& core() noexcept { return *core_; }

 private:
  void run_until_done(detail::PromiseBase& root);
  std::unique_ptr<detail::LoopService>& service_slot(std::type_index type);

  std::unique_ptr<detail::LoopCore> core_;
};

}  // namespace vmfleet
