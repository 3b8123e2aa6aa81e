// SPDX-License-Identifier: MIT
// The command line of a machine that was saved, read and made anew. Pure. Private to this room.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <vmfleet/instance/intent.hpp>
#include <vmfleet/qemu/machine_config.hpp>

namespace vmfleet {

/// What a launch must know of it: its names, its user networks with their forwards, its wires.
MachineConfig config_of_line(const Intent& intent);

/// The same machine with the forwards of `config`, waiting for what was saved. A memory that was
/// mapped from a template is an ordinary one of the same name: what was saved has all of it.
std::vector<std::string> line_to_restore(const std::vector<std::string>& argv,
                                         const MachineConfig& config);

/// The files that QEMU opens by their names: of kernel, firmware and disks, and what is injected.
std::vector<std::filesystem::path> files_of_line(const std::vector<std::string>& argv);

/// One line for each option that only one of two machines has; host ports and where the memory came
/// from make no difference.
std::vector<std::string> differences(const std::vector<std::string>& before,
                                     const std::vector<std::string>& now);

}  // namespace vmfleet
