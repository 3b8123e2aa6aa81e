// SPDX-License-Identifier: MIT
// Which file QEMU boots for a kernel. Private to this room.
#pragma once

#include <functional>
#include <string_view>

#include <vmfleet/async/task.hpp>
#include <vmfleet/qemu/machine_config.hpp>

namespace vmfleet {

/// Whether this machine boots a kernel that is unpacked: QEMU loads it itself, by its PVH entry on
/// x86. Firmware wants the file as it was made.
bool boots_unpacked_kernels(const MachineConfig& config);

/// Puts the unpacked copy of a compressed kernel in its place, where the machine boots that. What
/// does not work out leaves the file as given; `warn` is told when something is wrong with it or
/// with the cache.
Task<void> choose_boot_kernel(MachineConfig& config,
                              const std::function<void(std::string_view)>& warn);

}  // namespace vmfleet
