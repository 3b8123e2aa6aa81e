// SPDX-License-Identifier: MIT
// Doing something with each of several machines at once, without one failure ending the others.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <vmfleet/async/task.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/machine/machine.hpp>

#include "cli/context.hpp"

namespace vmfleet::cli {

/// What is done with one machine: its name and directory.
using MachineWork = std::function<Task<void>(std::string, std::filesystem::path)>;

/// Runs `work` for all at once; gives each one's error, in the order of the names.
Task<std::vector<std::optional<Error>>> for_each_machine(const Context& context,
                                                         std::vector<std::string> names,
                                                         MachineWork work);

/// The reports of machines, each with the error that an operation on it had.
FleetReport collect_reports(const Context& context, const std::vector<std::string>& names,
                            const std::vector<std::optional<Error>>& errors);

}  // namespace vmfleet::cli
