// SPDX-License-Identifier: MIT
// What two machines of a fleet cannot share.
#include <sys/stat.h>

#include <filesystem>
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
    if (!fresh) refuse(machine, key, taken->second, thing, hint);
  }

  void claim_port(const MachineSpec& machine, const std::string& key, const Forward& forward) {
    if (forward.host_port == 0) return;
    auto& users = ports_[forward.host_port];
    for (const auto& [owner, other] : users) {
      if (!share_host_port(other, forward)) continue;
      refuse(machine, key, owner,
             fmt::format("host port {}/{}", forward.host_port, to_string(forward.protocol)),
             "leave the host's port out, or use {index} in it");
      return;
    }
    users.emplace_back(machine.config.name, forward);
  }

 private:
  void refuse(const MachineSpec& machine, const std::string& key, const std::string& owner,
              const std::string& thing, const std::string& hint) {
    if (owner == machine.config.name) return;
    const std::string path = fmt::format("{}.{}", machine.machine_class, key);
    problems_.add(nearest_node(machines_, path).place, "machine." + path,
                  fmt::format("{} and {} cannot both have {}", owner, machine.config.name, thing),
                  hint);
  }

  const Node& machines_;
  Problems& problems_;
  std::map<std::string, std::string> owners_;
  std::map<std::uint16_t, std::vector<std::pair<std::string, Forward>>> ports_;
};

void claim_nets(Claims& claims, const MachineSpec& machine) {
  for (std::size_t i = 0; i < machine.config.nets.size(); ++i) {
    const Net& net = machine.config.nets[i];
    const std::string key = fmt::format("net[{}]", i);
    for (std::size_t f = 0; f < net.forwards.size(); ++f) {
      claims.claim_port(machine, fmt::format("{}.forward[{}]", key, f), net.forwards[f]);
    }
    if (!net.interface.empty()) {
      claims.claim(machine, key + ".interface", "interface " + net.interface, "use {index} in it");
    }
    if (net.type == NetType::user) continue;
    claims.claim(machine, key + ".mac", "MAC address " + mac_of(machine.config, i),
                 net.mac.empty() ? "set another one" : "leave it out");
    if (net.type != NetType::lan || net.address.empty()) continue;
    const std::string address = net.address.substr(0, net.address.find('/'));
    claims.claim(machine, key + ".address", fmt::format("{} on LAN {}", address, net.lan),
                 "leave it out, or use {index} in it");
  }
}

/// The file itself, by whatever path; the path when there is no file yet.
std::string identity_of(const std::string& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) == 0) {
    return fmt::format("{}:{}", status.st_dev, status.st_ino);
  }
  return std::filesystem::path(file).lexically_normal().string();
}

/// Who writes to a file shares it with nobody.
class DiskFiles {
 public:
  explicit DiskFiles(const FleetSpec& fleet) {
    for (const MachineSpec& machine : fleet.machines) {
      for (const Disk& disk : machine.config.disks) {
        if (disk.mode == DiskMode::direct) {
          writers_.emplace(identity_of(disk.file), machine.config.name);
        }
      }
    }
  }

  void check(const Node& machines, Problems& problems, const MachineSpec& machine) const {
    for (std::size_t i = 0; i < machine.config.disks.size(); ++i) {
      const Disk& disk = machine.config.disks[i];
      const auto writer = writers_.find(identity_of(disk.file));
      if (writer == writers_.end() || writer->second == machine.config.name) continue;
      const std::string path = fmt::format("{}.disk[{}].file", machine.machine_class, i);
      const Place place = nearest_node(machines, path).place;
      if (disk.mode == DiskMode::direct) {
        problems.add(place, "machine." + path,
                     fmt::format("{} and {} cannot both write to the file {}", writer->second,
                                 machine.config.name, disk.file),
                     "use mode = \"overlay\", or {name} in the path");
      } else {
        problems.add(place, "machine." + path,
                     fmt::format("{} writes to the file {}, which {} reads", writer->second,
                                 disk.file, machine.config.name),
                     "use mode = \"overlay\" for both");
      }
    }
  }

 private:
  std::map<std::string, std::string> writers_;
};

}  // namespace

void check_together(const FleetSpec& fleet, const Node& machines, Problems& problems) {
  Claims claims(machines, problems);
  const DiskFiles files(fleet);
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
    files.check(machines, problems, machine);
    if (!machine.config.gdb.empty()) {
      claims.claim(machine, "gdb", "gdb address " + machine.config.gdb, "use {index} in it");
    }
  }
}

}  // namespace vmfleet::spec
