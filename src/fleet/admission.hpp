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

/// Whether others keep this host's processors busy, by a look at each of several moments of one
/// start. An average over seconds would still tell of a fleet that came up just before.
class HostLoad {
 public:
  /// Costs microseconds.
  void look();
  void add(std::size_t others) { others_.push_back(others); }
  /// At most of the looks others wanted as many processors as there are.
  [[nodiscard]] bool is_busy(std::size_t processors) const;

 private:
  std::vector<std::size_t> others_;  ///< that ran or waited for a processor
};

/// How many machines may be in their boot at once.
BootBound bound_boots(std::size_t processors, bool busy, bool emulated);

/// Its slot is taken for longer than its launch, and it keeps a processor busy.
bool boots_emulated(const MachineSpec& machine);

/// The plan for these machines, whose accelerators are decided, without command lines. `load` is
/// what was seen of the host so far. Blocking.
UpPlan plan_up(const std::filesystem::path& fleet_folder, const std::vector<MachineSpec>& machines,
               const UpOptions& options, HostLoad load = HostLoad());

/// Memory and descriptors, whose limit is raised. *Errors*: `host_unfit`, saying what is missing
/// and what is there.
void require_room(const UpPlan& plan);

}  // namespace vmfleet
