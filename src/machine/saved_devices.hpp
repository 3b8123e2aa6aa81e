// SPDX-License-Identifier: MIT
// Saving and loading what a machine is, but for its memory. Private to this room.
#pragma once

#include <filesystem>

#include <vmfleet/async/task.hpp>
#include <vmfleet/instance/instance_directory.hpp>
#include <vmfleet/qmp/client.hpp>

namespace vmfleet {

/// Of a machine that stands still and shares its memory with a file: everything else, into `file`,
/// which is made. *Errors*: `unavailable` in QEMU's words, for devices that cannot be saved.
/// *Source*: QEMU docs/devel/migration, the capability x-ignore-shared.
Task<void> save_devices(qmp::Client& client, const InstanceDirectory& directory,
                        std::filesystem::path file);

/// Into a QEMU that waits for it (`MachineConfig::incoming`), and that holds the open file as
/// `Wires::kSavedFd`. *Errors*: QEMU ends when it cannot: `disconnected`.
Task<void> load_devices(qmp::Client& client);

}  // namespace vmfleet
