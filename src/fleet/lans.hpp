// SPDX-License-Identifier: MIT
// LANs of a fleet: who has which address. Private to this room.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <vmfleet/fleet/fleet_spec.hpp>
#include <vmfleet/instance/intent.hpp>

namespace vmfleet {

/// What the machines of a fleet were last started as, running or not, by their names.
using FleetRecord = std::map<std::string, Intent>;
/// Those that can be read. Blocking.
FleetRecord read_fleet_record(const std::filesystem::path& fleet);

/// An address for each interface on a LAN on which the file gives none at all. It follows from the
/// names of LAN and machine class and the machine's number, so it stays when others are added; only
/// names of one hash are told apart by their order. A machine's second interface on one LAN gets
/// none. *Errors*: `invalid_config` when there are too many classes or LANs.
void give_lan_addresses(std::vector<MachineSpec>& machines);

/// The same for a fleet that has been there before: LANs and classes of the record keep their
/// numbers, whatever the order, so nobody is given what another machine has.
void keep_lan_addresses(std::vector<MachineSpec>& machines, const FleetRecord& record);

/// The chosen addresses as they are recorded with a machine: for each interface, null where the
/// file decides; and back.
json::Value lan_addresses(const MachineSpec& machine);
void set_lan_addresses(MachineSpec& machine, const json::Value& addresses);

/// Whether there is anything to ask the record for.
bool has_lan_addresses(const std::vector<MachineSpec>& machines);

}  // namespace vmfleet
