// SPDX-License-Identifier: MIT
// What is missing in a log, told to who reads it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "cli/context.hpp"

namespace vmfleet::cli {

/// Says that the log is not there before `kept_from`.
void tell_dropped(const Context& context, const std::string& machine, std::uint64_t kept_from);
/// Says where the disk was full while the guest wrote, of what is still there.
void tell_full_disks(const Context& context, const std::filesystem::path& directory,
                     std::uint64_t kept_from);

}  // namespace vmfleet::cli
