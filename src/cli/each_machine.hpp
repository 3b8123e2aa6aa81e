// SPDX-License-Identifier: MIT
// Doing something with each of several machines at once, without one failure ending the others.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <vmfleet/async/task.hpp>
#include <vmfleet/fleet/fleet.hpp>

#include "cli/context.hpp"

namespace vmfleet::cli {

/// What is done with one machine: its name and directory.
using MachineWork = std::function<Task<void>(std::string, std::filesystem::path)>;

/// Runs `work` for all at once; gives their reports, each with the error that it had.
Task<FleetReport> for_each_machine(const Context& context, std::vector<std::string> names,
                                   MachineWork work);

}  // namespace vmfleet::cli
