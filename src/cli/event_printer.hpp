// SPDX-License-Identifier: MIT
// Printing the QMP events of a machine from its event log.
#pragma once

#include <filesystem>
#include <string>

#include <vmfleet/async/task.hpp>
#include <vmfleet/qmp/message.hpp>

#include "cli/context.hpp"

namespace vmfleet::cli {

/// `2026-01-31T12:00:00.000000Z web-0 RESUME {…}`, or one JSON object.
std::string format_event(const std::string& machine, const qmp::Event& event, bool json);

enum class EventsUntil { now, ended };

/// From the machine's start on, or only what is `fresh`. Reads a file: takes no connection of the
/// machine's, so any number of these may run beside anything else.
Task<void> print_events(const Context& context, std::string machine,
                        std::filesystem::path directory, EventsUntil until, bool fresh = false);

}  // namespace vmfleet::cli
