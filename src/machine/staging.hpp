// SPDX-License-Identifier: MIT
// Staging: the machine's own copies and overlays of its disks. Private to this room.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <vmfleet/async/task.hpp>
#include <vmfleet/instance/instance_directory.hpp>
#include <vmfleet/machine/template.hpp>
#include <vmfleet/qemu/machine_config.hpp>

#include "machine/staged_record.hpp"

namespace vmfleet {

/// What there is to be done. Existence alone keeps no disk: it was made from what is asked for now,
/// or it is made anew.
struct StagingPlan {
  StagingPlan() = default;

  struct Item {
    Item() = default;
    Disk disk;
    std::string name;  ///< in the directory
    DiskOrigin origin;
    std::vector<std::size_t> tools;  ///< the injections that work on it
    std::filesystem::path saved;     ///< of a template, to be made from instead of its source
  };

  std::vector<Item> to_make;
  std::vector<std::string> to_remove;
  std::vector<std::string> old_bases;  ///< of those that are removed or made anew
  StagedRecord record;                 ///< of what is kept
  bool learnt = false;                 ///< the record says more than before of what is kept
  std::vector<std::string> names;      ///< every file that may be in the directory from now on
};

/// How it is found out whether a source changed.
enum class SourceCheck { stamp, content };

/// Changes nothing. Copies and overlays that fit are kept, snapshots never.
///
/// Blocking. *Errors*: `conflict` when a copy or overlay does not fit any more and `remake` does
/// not allow to lose what the guest wrote to it; `not_found` (a source).
StagingPlan plan_staging(const MachineConfig& config, const InstanceDirectory& directory,
                         bool remake, SourceCheck check = SourceCheck::stamp);

/// All disks are to be what they were when the template was saved; who uses it need not keep it.
/// *Errors*: `unavailable` when the machine has disks that are kept.
void stage_saved(StagingPlan& plan, const MachineTemplate& original);

/// Makes each disk whole or not at all; whatever a crash leaves behind has one of the plan's names.
/// `warn` is told what was not done as asked.
///
/// *Errors*: `host_unfit` (no qemu-img), `unavailable` (no room…), with qemu-img's words;
/// `conflict` (a source that is being written); those of tools. *Cancellation*: leaves no
/// unfinished file. *Lifetime*: `config` is that of the plan, and outlives the task.
Task<void> carry_out(StagingPlan plan, const InstanceDirectory& directory,
                     const MachineConfig& config, std::function<void(std::string_view)> warn);

}  // namespace vmfleet
