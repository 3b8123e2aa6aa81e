// SPDX-License-Identifier: MIT
// Staging: the machine's own copies and overlays of its disks. Private to this room.
#pragma once

#include <string>
#include <vector>

#include <vmfleet/async/task.hpp>
#include <vmfleet/instance/instance_directory.hpp>
#include <vmfleet/qemu/machine_config.hpp>

namespace vmfleet {

/// Makes what the disks' modes ask for, each whole or not at all; keeps what an earlier life left
/// of copies and overlays. The names of the files in the directory.
/// *Errors*: `not_found` (qemu-img), `unavailable` (no room), with qemu-img's words.
Task<std::vector<std::string>> stage_disks(const MachineConfig& config,
                                           const InstanceDirectory& directory);

}  // namespace vmfleet
