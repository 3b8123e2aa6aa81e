// SPDX-License-Identifier: MIT
// Tools: the user's commands that put something into a machine's own files. Private to this room.
#pragma once

#include <cstddef>
#include <filesystem>

#include <vmfleet/async/task.hpp>
#include <vmfleet/instance/instance_directory.hpp>
#include <vmfleet/qemu/machine_config.hpp>

namespace vmfleet {

/// The private files that a tool may change; empty where it is not meant for them.
struct ToolTargets {
  ToolTargets() = default;

  std::filesystem::path disk;
  std::filesystem::path kernel;
  std::filesystem::path initrd;
};

/// Runs the `index`-th injection, without a shell, to its end.
///
/// *Errors*: `host_unfit` (no such program), `unavailable` (it failed; its words are the evidence),
/// `timed_out`. *Cancellation*: kills it. *Lifetime*: `config` and `directory` outlive the task.
Task<void> run_tool(const MachineConfig& config, std::size_t index,
                    const InstanceDirectory& directory, ToolTargets targets);

}  // namespace vmfleet
