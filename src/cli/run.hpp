// SPDX-License-Identifier: MIT
// Running one command on a loop of its own, interruptible by signals.
#pragma once

#include <functional>

#include <vmfleet/async/task.hpp>

#include "cli/context.hpp"

namespace vmfleet::cli {

/// A command's work; gives its exit code.
using Command = std::function<Task<int>(Context&)>;

/// Runs it to its end and tells what went wrong. SIGINT, SIGTERM and SIGHUP cancel it; its cleanup
/// is waited for.
int run_command(Context& context, const Command& command);

}  // namespace vmfleet::cli
