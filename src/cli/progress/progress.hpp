// SPDX-License-Identifier: MIT
// Progress on stderr while a fleet works: live on a terminal, else a line per change.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <vmfleet/async/task.hpp>
#include <vmfleet/async/task_group.hpp>
#include <vmfleet/fleet/progress.hpp>

#include "cli/context.hpp"

namespace vmfleet::cli {

class Progress {
 public:
  virtual ~Progress() = default;
  /// Machines that are to come, for a display that shows them before anything happens.
  virtual void expect(const std::vector<std::string>&) {}
  virtual void tell(const ProgressEvent& event) = 0;
  /// Runs beside the work until cancelled. Only the live display needs time of its own: elsewhere
  /// nothing wakes up by itself.
  virtual Task<void> animate() = 0;
  /// The work has ended, one way or the other.
  virtual void finish() = 0;
};

/// As --progress and the terminal want it.
std::unique_ptr<Progress> make_progress(Context& context);

ProgressObserver observer_of(Progress& progress);

/// Runs the work and shows its progress meanwhile.
template <class T>
Task<T> show_progress(Progress& progress, Task<T> work) {
  struct Finish {
    explicit Finish(Progress& shown) : progress(shown) {}
    ~Finish() { progress.finish(); }
    Progress& progress;
  } finish(progress);
  auto body = [&](TaskGroup& group) -> Task<T> {
    auto animate = [&]() -> Task<void> { return progress.animate(); };
    group.start(animate);
    T result = co_await std::move(work);
    group.cancel();
    co_return result;
  };
  co_return co_await with_task_group(body);
}

}  // namespace vmfleet::cli
