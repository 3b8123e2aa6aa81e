// SPDX-License-Identifier: MIT
// What in an instance directory is not vmfleet's. Private to the library.
#pragma once

#include <string>
#include <vector>

#include <vmfleet/instance/instance_directory.hpp>

namespace vmfleet {

/// The names of what users, their tools or QEMU's arguments have put beside our files.
std::vector<std::string> foreign_files(const InstanceDirectory& directory,
                                       const std::vector<std::string>& staged_files);

/// Whether a record of ours, perhaps damaged since, proves that this is a machine's directory.
bool is_proven(const InstanceDirectory& directory);

}  // namespace vmfleet
