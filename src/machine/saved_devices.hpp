// SPDX-License-Identifier: MIT
// Saving and loading what a machine is. Private to this room.
#pragma once

#include <filesystem>

#include <vmfleet/async/task.hpp>
#include <vmfleet/instance/instance_directory.hpp>
#include <vmfleet/qmp/client.hpp>

namespace vmfleet {

/// What of the guest's memory is in the file.
enum class SavedMemory {
  left_out,  ///< it is in a file that QEMU shares, or maps
  included,
};

/// Of a machine that stands still: all of it into `file`, which is made, but for a memory that is
/// left out. *Errors*: `unavailable` in QEMU's words, for devices that cannot be saved.
/// *Source*: QEMU docs/devel/migration, the capability x-ignore-shared.
Task<void> save_devices(qmp::Client& client, const InstanceDirectory& directory,
                        std::filesystem::path file, SavedMemory memory = SavedMemory::left_out);

/// Into a QEMU that waits for it (`MachineConfig::incoming`), and that holds the open file as
/// `Wires::kSavedFd`. *Errors*: QEMU ends when it cannot: `disconnected`.
Task<void> load_devices(qmp::Client& client, SavedMemory memory = SavedMemory::left_out);

}  // namespace vmfleet
