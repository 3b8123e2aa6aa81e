// SPDX-License-Identifier: MIT
// What other commands do to a machine that one works on. Private to this room.
#pragma once

#include <filesystem>
#include <optional>

#include <vmfleet/base/error.hpp>
#include <vmfleet/instance/instance_directory.hpp>
#include <vmfleet/machine/machine_report.hpp>

namespace vmfleet {

/// `conflict`, when another command has stopped a machine that was up or was being brought up.
std::optional<Error> stopped_by_another(const MachineReport& now);
Error removed_by_another(const std::filesystem::path& directory);

/// What work on a machine failed of, when another command has stopped or removed it.
/// `folder`: as it was found or made.
std::optional<Error> done_by_another(const std::filesystem::path& directory,
                                     const std::optional<InstanceDirectory>& folder,
                                     const Error& failed);

}  // namespace vmfleet
