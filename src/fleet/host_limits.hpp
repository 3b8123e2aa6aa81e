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

/// What QEMU takes of it beside the guest's memory. Measured with 64 on a host: 13 to 24 MiB each
/// less available, 21 in the median; 19.4 of their own (PSS) paused, 22.1 with a small guest in it.
inline constexpr Bytes kQemuItself = Bytes::mebi(20);

/// What this process needs to work on so many machines, of which so many are being launched.
std::size_t descriptors_for(std::size_t machines, std::size_t launches);
/// And for so many clones that are being launched.
std::size_t descriptors_for_clones(std::size_t launches);
/// What it may have.
std::size_t descriptors_allowed();
/// Raises its limit. *Errors*: `host_unfit`.
void require_descriptors(std::size_t descriptors, std::size_t machines);

/// On the file system of `root`, for so many new machines and the copies of disks that they begin
/// with; those cost nothing where blocks can be shared. Blocking. *Errors*: `host_unfit`.
void require_disk_room(const std::filesystem::path& root, Bytes copies, std::size_t machines);

/// On the file system of `root`, for a template of a machine with so much memory: QEMU writes it
/// through a mapping, and is killed where it finds no room. Blocking. *Errors*: `host_unfit`.
void require_template_room(const std::filesystem::path& root, Bytes memory);

}  // namespace vmfleet
