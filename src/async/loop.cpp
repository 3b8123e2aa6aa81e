// SPDX-License-Identifier: MIT
// Loop: running the root task, and telling a deadlock from a wait.
#include <vmfleet/async/loop.hpp>

#include <cstdio>
#include <cstdlib>

#include <vmfleet/base/error.hpp>
#include <vmfleet/base/text.hpp>

#include "async/loop_core.hpp"

namespace vmfleet {

Loop::Loop() : core_(std::make_unique<detail::LoopCore>(nullptr, nullptr)) {}
Loop::Loop(Clock& clock) : core_(std::make_unique<detail::LoopCore>(nullptr, &clock)) {}
Loop::Loop(uv_loop_s* embedders_loop)
    : core_(std::make_unique<detail::LoopCore>(embedders_loop, nullptr)) {}
Loop::~Loop() = default;

TimePoint Loop::now() const noexcept {
  return core_->now();
}
uv_loop_s* Loop::uv() const noexcept {
  return core_->uv();
}

std::unique_ptr<detail::LoopService>& Loop::service_slot(std::type_index type) {
  return core_->services[type];
}

void Loop::post_from_any_thread(std::function<void()> callback) {
  core_->post_from_any_thread(std::move(callback));
}

Loop::KeepAlive::KeepAlive(Loop& loop) : loop_(loop) {
  loop_.core_->keep_alive(true);
}
Loop::KeepAlive::~KeepAlive() {
  loop_.core_->keep_alive(false);
}

namespace {

class RootObserver final : public detail::TaskObserver {
 public:
  void on_task_done() noexcept override { done = true; }
  bool done = false;
};

}  // namespace

void Loop::run_until_done(detail::PromiseBase& root) {
  VMFLEET_CHECK(!core_->running, "Loop::run was called inside Loop::run");
  CancelScope scope;
  RootObserver observer;
  core_->running = true;
  core_->enter_thread();
  root.start_observed(*this, scope, nullptr, observer);
  std::string stuck;
  while (!core_->turn_until([&] { return observer.done; })) {
    const std::string tree = task_tree();
    if (!stuck.empty()) {
      std::fprintf(stderr, "deadlock, and cancelling did not end it:\n%s", tree.c_str());
      std::abort();
    }
    stuck = tree;
    scope.cancel();
  }
  core_->running = false;
  if (!stuck.empty()) {
    Error error(ErrorKind::internal, "deadlock: nothing can happen any more");
    for (const auto line : split(trim(stuck), '\n'))
      error = std::move(error).evidence(std::string(line));
    throw error;
  }
}

}  // namespace vmfleet
