// SPDX-License-Identifier: MIT
// LANs of a fleet: who has which address, and which names. Private to this room.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <vmfleet/fleet/fleet_spec.hpp>

namespace vmfleet {

/// An address for each interface on a LAN on which the file gives none at all. It follows from the
/// names of LAN and machine class and the machine's number, so it stays when others are added; only
/// names of one hash are told apart by their order. A machine's second interface on one LAN gets
/// none. *Errors*: `invalid_config` when there are too many classes or LANs.
void give_lan_addresses(std::vector<MachineSpec>& machines);

/// The addresses as they are recorded with a machine, one for each interface, and back.
json::Value lan_addresses(const MachineConfig& config);
void set_lan_addresses(MachineConfig& config, const json::Value& addresses);

/// A name on a LAN.
struct LanHost {
  LanHost() = default;

  std::string lan;
  std::string address;
  std::string name;
};

/// Those of the specification, and of the fleet's other machines, running or not. Blocking.
std::vector<LanHost> find_lan_hosts(const FleetSpec& spec, const std::filesystem::path& fleet);

/// What a guest that asks its host (tiny) finds: its addresses, and the names on its LANs.
void add_lan_files(MachineConfig& config, const std::vector<LanHost>& hosts);

}  // namespace vmfleet
