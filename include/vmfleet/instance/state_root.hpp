// SPDX-License-Identifier: MIT
// The state root: the folder that holds all fleets.
#pragma once

#include <filesystem>

#include <vmfleet/base/error.hpp>

namespace vmfleet {

/// Why a state root is of no use, in the same words wherever that is found.
[[nodiscard]] Error state_root_error(const std::filesystem::path& root, int error_number);

/// That it can be looked into, if it is there at all. *Errors*: `state_root_error`.
void require_state_root(const std::filesystem::path& root);

/// Makes it (0700), if it is missing; the folders above it are left to the umask.
/// *Errors*: `state_root_error`, also when nothing can be made in it.
void make_state_root(const std::filesystem::path& root);

}  // namespace vmfleet
