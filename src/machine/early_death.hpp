// SPDX-License-Identifier: MIT
// Why QEMU ended before its guest ran. Private to this room.
#pragma once

#include <vmfleet/async/task.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/qemu/machine_config.hpp>

#include "machine/live.hpp"

namespace vmfleet {

/// Throws why a QEMU that we started, and that closed its socket (`lost`), has ended: `exited` in
/// its words, `host_unfit` or `conflict` where that is known better, `lost` when it has not ended.
Task<void> explain_early_death(Machine::Live& live, const MachineConfig& config, Error lost);

}  // namespace vmfleet
