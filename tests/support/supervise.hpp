// SPDX-License-Identifier: MIT
// supervise: tests in a process of their own, so that what a crash leaves running is ended too.
#pragma once

#include <chrono>
#include <functional>

namespace vmfleet::test {

/// Runs `tests` in a child process, and gives its exit status (128 and the number, for a signal)
/// when nothing is left of what it started. Ending signals are passed on to it. Processes that it
/// did leave are named, ended, and make a failure of a success. `patience`: for so long they may be
/// ending by themselves, as ephemeral machines do with their owner; not when a signal came.
int supervise(const std::function<int()>& tests,
              std::chrono::milliseconds patience = std::chrono::seconds(1));

}  // namespace vmfleet::test
