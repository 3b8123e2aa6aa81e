// SPDX-License-Identifier: MIT
// How a machine stands: what a report of a failure says besides the failure. Private to this room.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <vmfleet/machine/machine.hpp>

namespace vmfleet {

/// What is to be told of a QEMU that a signal has stopped: nothing of it goes on until another one.
std::optional<std::string> stopped_by_signal(pid_t pid);
/// One line each: QEMU, accelerator, network, the console's log.
std::vector<std::string> describe_standing(const Machine::Live& live);
/// What its interfaces are connected to, by QEMU's arguments: `user`, `tap tap0`, `lan`.
std::vector<std::string> network_modes(const std::vector<std::string>& argv);

}  // namespace vmfleet
