// SPDX-License-Identifier: MIT
// Who else has a disk's file open, by name. Private to this room.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <vmfleet/qemu/machine_config.hpp>

namespace vmfleet {

/// The other processes that have the file open, whatever path they took: "db-0 of fleet demo
/// (process 4711)" for our machines. Only those that this user may look at.
std::vector<std::string> find_image_users(const std::filesystem::path& image);

/// *Errors*: `conflict`, with both names, when a disk of the machine cannot be used because of how
/// a running machine, of whatever fleet, uses the same file. QEMU's own locks decide.
void require_free_images(const MachineConfig& config);

}  // namespace vmfleet
