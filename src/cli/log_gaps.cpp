// SPDX-License-Identifier: MIT
// Notices about a log.
#include "cli/log_gaps.hpp"

#include <fmt/format.h>

#include <vmfleet/instance/log_keeper.hpp>

namespace vmfleet::cli {

void tell_dropped(const Context& context, const std::string& machine, std::uint64_t kept_from) {
  context.say(fmt::format("{}: the log begins at byte {}: what was before was dropped (log.limit)",
                          machine, kept_from));
}

void tell_full_disks(const Context& context, const std::filesystem::path& directory,
                     std::uint64_t kept_from) {
  for (const FullDisk& full : read_full_disks(InstanceDirectory::open(directory))) {
    if (full.offset < kept_from) continue;
    context.say(fmt::format("{}: {}", directory.filename().string(), to_string(full)));
  }
}

}  // namespace vmfleet::cli
