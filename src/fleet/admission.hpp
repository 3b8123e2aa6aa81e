// SPDX-License-Identifier: MIT
// Admission: which machines are to be started, how many at a time, and whether this host has room.
// Private to this room.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include <vmfleet/fleet/fleet.hpp>

namespace vmfleet {

struct BootBound {
  std::size_t machines = 1;
  std::string why;
};

/// How many machines may be in their boot at once. `waiting`: the share of the last ten seconds in
/// which somebody on this host waited for a processor.
BootBound bound_boots(std::size_t processors, double waiting, bool emulated);

/// Its slot is taken for longer than its launch, and it keeps a processor busy.
bool boots_emulated(const MachineSpec& machine);

/// The plan for these machines, whose accelerators are decided, without command lines. Blocking.
UpPlan plan_up(const std::filesystem::path& fleet_folder, const std::vector<MachineSpec>& machines,
               const UpOptions& options);

/// Memory and descriptors, whose limit is raised. *Errors*: `host_unfit`, saying what is missing
/// and what is there.
void require_room(const UpPlan& plan);

}  // namespace vmfleet
