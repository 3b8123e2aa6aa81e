// SPDX-License-Identifier: MIT
// The recorded QEMU command line of a machine.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace vmfleet::cli {

/// *Errors*: `not_found` when nothing was ever started there.
std::vector<std::string> command_line_of(const std::filesystem::path& directory);
/// Each option on its own line, for a POSIX shell.
std::string format_command_line(const std::vector<std::string>& argv);

}  // namespace vmfleet::cli
