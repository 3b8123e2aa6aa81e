// SPDX-License-Identifier: MIT
// run_async: a coroutine as the body of an ordinary test.
#pragma once

#include <chrono>
#include <utility>

#include <vmfleet/async/clock.hpp>
#include <vmfleet/async/loop.hpp>
#include <vmfleet/async/time.hpp>

namespace vmfleet::testkit {

/// Far beyond what a good test needs, so that a slow machine never decides a result.
inline constexpr std::chrono::milliseconds kTestDeadline = std::chrono::minutes(2);

/// Runs a test's task on a loop of its own. *Errors*: the task's; `timed_out`, with the tree of
/// the tasks that were waiting.
template <class T>
T run_async(Task<T> task, std::chrono::milliseconds deadline = kTestDeadline) {
  Loop loop;
  return loop.run(with_timeout(deadline, std::move(task)));
}

/// The same in a time that jumps from deadline to deadline: for tests without processes, sockets
/// or threads. A task that can never finish fails with the tree of the waiting tasks.
template <class T>
T run_in_fake_time(Task<T> task) {
  FakeClock clock;
  Loop loop(clock);
  return loop.run(std::move(task));
}

}  // namespace vmfleet::testkit
