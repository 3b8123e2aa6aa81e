// SPDX-License-Identifier: MIT
// What a fleet offers its machines unasked: a name, and who may log in. Private to this room.
#pragma once

#include <filesystem>
#include <string>

#include <vmfleet/fleet/fleet_spec.hpp>

namespace vmfleet {

/// Its name, for images that ask for it.
void offer_hostname(MachineConfig& config);

/// The public half of `private_key`, whose line is `public_key`: for `tiny`, for systemd, and for
/// cloud-init where the machine has its disk. What the user injects in these places wins.
void offer_key(MachineConfig& config, const SshAccess& access,
               const std::filesystem::path& private_key, const std::string& public_key);

}  // namespace vmfleet
