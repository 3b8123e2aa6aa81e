// SPDX-License-Identifier: MIT
// Watching machines that boot: until they are ready, have failed, or have done their work. Private
// to this room.
#pragma once

#include <vmfleet/async/task.hpp>
#include <vmfleet/fleet/fleet_spec.hpp>
#include <vmfleet/machine/machine.hpp>

#include "fleet/up_under_way.hpp"

namespace vmfleet {

/// Waits for readiness, as far as anybody is interested in it. *Errors*: as `wait_ready`.
Task<void> watch_boot(UpUnderWay& up, Machine& machine);

/// The same of a machine that `up` has started, with `launch`: it is started again as its policy
/// says, until it is ready or the time for that has passed. What fails is ended, unless failed
/// machines are to be kept. *Errors*: why it did not become ready.
Task<void> watch_own_boot(UpUnderWay& up, Machine& machine, const MachineSpec& spec,
                          LaunchOptions launch);

/// Waits for the end that others wait for. One that `up` has started is ended when it fails, unless
/// failed machines are to be kept. *Errors*: why it will not complete.
Task<void> watch_completion(UpUnderWay& up, const MachineSpec& spec);

}  // namespace vmfleet
