// SPDX-License-Identifier: MIT
// What two machines of a fleet cannot share.
#include <map>

#include <fmt/format.h>

#include "fleet/spec_document.hpp"

namespace vmfleet::spec {
namespace {

class Claims {
 public:
  Claims(const Node& machines, Problems& problems) : machines_(machines), problems_(problems) {}

  void claim(const MachineSpec& machine, const std::string& key, const std::string& thing,
             const std::string& hint) {
    const auto [taken, fresh] = owners_.emplace(thing, machine.config.name);
    if (fresh || taken->second == machine.config.name) return;
    const std::string path = fmt::format("{}.{}", machine.machine_class, key);
    problems_.add(
        nearest_node(machines_, path).place, "machine." + path,
        fmt::format("{} and {} cannot both have {}", taken->second, machine.config.name, thing),
        hint);
  }

 private:
  const Node& machines_;
  Problems& problems_;
  std::map<std::string, std::string> owners_;
};

void claim_nets(Claims& claims, const MachineSpec& machine) {
  for (std::size_t i = 0; i < machine.config.nets.size(); ++i) {
    const Net& net = machine.config.nets[i];
    const std::string key = fmt::format("net[{}]", i);
    for (std::size_t f = 0; f < net.forwards.size(); ++f) {
      const Forward& forward = net.forwards[f];
      if (forward.host_port == 0) continue;
      claims.claim(machine, fmt::format("{}.forward[{}]", key, f),
                   fmt::format("host port {}/{}", forward.host_port, to_string(forward.protocol)),
                   "leave the host's port out, or use {index} in it");
    }
    if (!net.interface.empty()) {
      claims.claim(machine, key + ".interface", "interface " + net.interface, "use {index} in it");
    }
    if (!net.mac.empty() && net.type != NetType::user) {
      claims.claim(machine, key + ".mac", "MAC address " + net.mac, "leave it out");
    }
  }
}

void claim_disks(Claims& claims, const MachineSpec& machine) {
  for (std::size_t i = 0; i < machine.config.disks.size(); ++i) {
    const Disk& disk = machine.config.disks[i];
    if (disk.mode != DiskMode::direct) continue;
    claims.claim(machine, fmt::format("disk[{}].file", i),
                 fmt::format("the file {} to write to", disk.file),
                 "use mode = \"overlay\", or {name} in the path");
  }
}

}  // namespace

void check_together(const FleetSpec& fleet, const Node& machines, Problems& problems) {
  Claims claims(machines, problems);
  std::map<std::string, std::string> classes;  // of machine names
  for (const MachineSpec& machine : fleet.machines) {
    const auto [taken, fresh] = classes.emplace(machine.config.name, machine.machine_class);
    if (!fresh) {
      problems.add(nearest_node(machines, machine.machine_class).place,
                   "machine." + machine.machine_class,
                   fmt::format("{} is a machine of class \"{}\" already", machine.config.name,
                               taken->second));
      continue;
    }
    claim_nets(claims, machine);
    claim_disks(claims, machine);
    if (!machine.config.gdb.empty()) {
      claims.claim(machine, "gdb", "gdb address " + machine.config.gdb, "use {index} in it");
    }
  }
}

}  // namespace vmfleet::spec
