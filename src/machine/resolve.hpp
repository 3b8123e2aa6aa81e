// SPDX-License-Identifier: MIT
// What a launch and a dry run decide and demand before anything is made. Private to this room.
#pragma once

#include <filesystem>
#include <functional>
#include <string_view>

#include <vmfleet/async/task.hpp>
#include <vmfleet/qemu/machine_config.hpp>

namespace vmfleet {

/// `config` with everything decided that depends on this host: binary, accelerator, uuid, and which
/// file boots as its kernel. `warn` is told what could not be done quite as asked.
/// *Errors*: `invalid_config`, all problems at once; `not_found` (a file); `host_unfit` (no QEMU).
Task<MachineConfig> resolve(MachineConfig config, std::filesystem::path instance_directory,
                            std::function<void(std::string_view)> warn = {});

/// What is to be injected is there. A dry run goes without it: some of it is made by the commands
/// that need it. *Errors*: `invalid_config`.
void require_sources(const MachineConfig& config);

}  // namespace vmfleet
