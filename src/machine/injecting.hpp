// SPDX-License-Identifier: MIT
// What is put into a guest, in files of the machine's own. Private to this room.
#pragma once

#include <vmfleet/async/task.hpp>
#include <vmfleet/instance/instance_directory.hpp>
#include <vmfleet/qemu/machine_config.hpp>

namespace vmfleet {

/// Random bytes, texts, credentials and the disk for cloud-init: all that QEMU or a tool reads,
/// each file readable by its owner alone. Made anew at every start.
///
/// Blocking. *Errors*: `not_found` (a source), `unavailable` (no room, a source that is too large
/// for its way in).
void write_injected(const MachineConfig& config, const InstanceDirectory& directory);

/// The kernel and the initrd, as far as they are the machine's own, with what tools do to them.
/// *Errors*: also those of tools. *Lifetime*: both arguments outlive the task.
Task<void> make_boot_files(const MachineConfig& config, const InstanceDirectory& directory);

}  // namespace vmfleet
