// SPDX-License-Identifier: MIT
// Starting a machine from what was saved. Private to this room.
#pragma once

#include <filesystem>

#include <vmfleet/base/unique_fd.hpp>
#include <vmfleet/instance/instance_directory.hpp>
#include <vmfleet/machine/template.hpp>

namespace vmfleet {

/// QEMU is to wait for the saved devices, with a private copy of the saved memory.
void become_clone(MachineConfig& config, const MachineTemplate& original);

/// What `load_devices` reads. The console's log of the clone, which is empty, has the boot of the
/// original then. *Errors*: `not_found` when the template is gone.
UniqueFd open_saved(const MachineTemplate& original, const InstanceDirectory& directory);

/// The same of a snapshot's folder, with its memory.
UniqueFd open_snapshot(const std::filesystem::path& folder, const InstanceDirectory& directory);

}  // namespace vmfleet
