// SPDX-License-Identifier: MIT
// Reading one machine of a fleet file. Private to this room.
#pragma once

#include <filesystem>
#include <string>

#include <vmfleet/fleet/fleet_spec.hpp>

#include "fleet/spec_table.hpp"

namespace vmfleet::spec {

/// Where the tables of one machine lead to.
struct MachineReader {
  MachineReader(MachineSpec& into, std::filesystem::path start, const SpecOptions& choices)
      : machine(into), folder(std::move(start)), options(choices) {}

  MachineSpec& machine;
  std::filesystem::path folder;  ///< where relative paths start
  const SpecOptions& options;
};

/// `path` as QEMU needs it: absolute. Empty stays empty.
std::string absolute_path(const std::string& path, const std::filesystem::path& folder);

/// Reads every key of a machine and reports what is wrong with each, with their combinations, and
/// with the machine that results.
void read_machine(const Node& node, const std::string& path, MachineReader& reader,
                  Problems& problems);

void read_disks(Table& table, MachineReader& reader);
void read_nets(Table& table, MachineReader& reader);
void read_shares(Table& table, MachineReader& reader);
void read_injections(Table& table, MachineReader& reader);
void read_ready(Table& table, MachineReader& reader);
void read_dependencies(Table& table, MachineSpec& machine);

/// What a machine does when its file says nothing: a user network, and its exit device.
void complete_machine(const Node& node, MachineSpec& machine);
/// Problems of the finished machine, at the places of the keys that they are about.
void check_machine(const Node& node, const std::string& path, const MachineReader& reader,
                   Problems& problems);

}  // namespace vmfleet::spec
