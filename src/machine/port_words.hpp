// SPDX-License-Identifier: MIT
// `{port:FORWARD}` in what a machine is given. Private to this room.
#pragma once

#include <string>
#include <vector>

#include <vmfleet/machine/readiness.hpp>
#include <vmfleet/qemu/machine_config.hpp>

namespace vmfleet {

/// Puts the host's ports in place of `{port:FORWARD}` in kernel arguments, QEMU arguments,
/// injections and readiness. QEMU would choose a port after it has read them: so a forward that is
/// named so and has none gets a free one here, which somebody else may take before QEMU does.
/// Gives the names of those forwards. Blocking. *Errors*: `unavailable` when no port is free.
std::vector<std::string> fill_in_ports(MachineConfig& config, Readiness& readiness);

}  // namespace vmfleet
