// SPDX-License-Identifier: MIT
// One machine's way in an `up`. Private to this room.
#pragma once

#include <vmfleet/async/task.hpp>
#include <vmfleet/fleet/fleet_spec.hpp>
#include <vmfleet/machine/machine_report.hpp>

#include "fleet/up_under_way.hpp"

namespace vmfleet {

/// In its turn: leaves the machine when it is right, else starts it, and waits until it is ready.
/// Never throws an `Error`: what goes wrong with it is in its report. *Lifetime*: `up` and `report`
/// outlive the task.
Task<void> converge_machine(UpUnderWay& up, MachineSpec machine, MachineReport* report);

}  // namespace vmfleet
