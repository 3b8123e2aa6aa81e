// SPDX-License-Identifier: MIT
// Whether this host has room for more machines. Private to this room.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>

#include <vmfleet/base/units.hpp>

namespace vmfleet {

/// What new processes can have; nullopt when the host does not say.
std::optional<Bytes> available_memory();

/// Raises this process's limit for work on so many machines at once. *Errors*: `host_unfit`.
void require_descriptors(std::size_t machines);

/// Memory and descriptors. *Errors*: `host_unfit`, saying what is missing and what is there.
void require_host_room(Bytes guest_memory, std::size_t machines);

/// On the file system of `root`, for so many new machines and the copies of disks that they begin
/// with; those cost nothing where blocks can be shared. Blocking. *Errors*: as `require_host_room`.
void require_disk_room(const std::filesystem::path& root, Bytes copies, std::size_t machines);

}  // namespace vmfleet
