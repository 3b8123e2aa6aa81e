// SPDX-License-Identifier: MIT
// Programs in the foreground: on our terminal, with our streams and every descriptor given to us.
#pragma once

#include <string>
#include <vector>

#include <vmfleet/async/task.hpp>

#include "cli/context.hpp"
#include "cli/guest_streams.hpp"

namespace vmfleet::cli {

/// Runs it to its end and gives its exit code, or 128 and the number of the signal that ended it.
/// Signals that reach only us are passed on to it; that it ends by them is its own decision.
/// `variables` ("NAME=value") are added to our environment. `guest` is for a program that shows
/// what a guest writes.
Task<int> run_in_foreground(Context& context, std::vector<std::string> argv,
                            std::vector<std::string> variables = {}, GuestStreams* guest = nullptr);

}  // namespace vmfleet::cli
