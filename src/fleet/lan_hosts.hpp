// SPDX-License-Identifier: MIT
// LANs of a fleet: the names on them, and what a guest is told of both. Private to this room.
#pragma once

#include <string>
#include <vector>

#include <vmfleet/fleet/fleet_spec.hpp>

#include "fleet/lans.hpp"

namespace vmfleet {

/// A name on a LAN.
struct LanHost {
  LanHost() = default;

  std::string lan;
  std::string address;
  std::string name;
};

/// Those of the specification, and of the fleet's other machines. Of machines that are not about to
/// be started, `starting`, the recorded ones.
std::vector<LanHost> find_lan_hosts(const FleetSpec& spec, const std::vector<std::string>& starting,
                                    const FleetRecord& record);

/// What a guest that asks its host (tiny) finds: its addresses, and the names on its LANs.
void add_lan_files(MachineConfig& config, const std::vector<LanHost>& hosts);

}  // namespace vmfleet
