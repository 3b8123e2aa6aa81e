// SPDX-License-Identifier: MIT
// Collecting the names on LANs, and the files that bring them into guests.
#include "fleet/lan_hosts.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include <vmfleet/qemu/net.hpp>

namespace vmfleet {

namespace {

std::string address_alone(std::string_view address) {
  return std::string(address.substr(0, address.find('/')));
}

void add_recorded(std::vector<LanHost>& hosts, const Intent& machine) {
  const json::Array* nets = machine.nets.as_array();
  if (nets == nullptr) return;
  for (const json::Value& net : *nets) {
    if (net.text("lan").empty() || net.text("address").empty()) continue;
    LanHost& host = hosts.emplace_back();
    host.lan = net.text("lan");
    host.address = address_alone(net.text("address"));
    host.name = machine.name;
  }
}

void add_planned(std::vector<LanHost>& hosts, const MachineConfig& machine) {
  for (const Net& net : machine.nets) {
    if (net.type != NetType::lan || net.address.empty()) continue;
    LanHost& host = hosts.emplace_back();
    host.lan = net.lan;
    host.address = address_alone(net.address);
    host.name = machine.name;
  }
}

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

/// In a file of the machine's own: a thousand names are too long for a command line.
void add_file(MachineConfig& config, std::string name, std::string text) {
  if (text.empty()) return;
  Injection& file = config.injections.emplace_back();
  file.via = InjectionWay::fw_cfg;
  file.path = std::move(name);
  file.text = std::move(text);
}

}  // namespace

std::vector<LanHost> find_lan_hosts(const FleetSpec& spec, const std::vector<std::string>& starting,
                                    const FleetRecord& record) {
  std::vector<LanHost> hosts;
  std::set<std::string> known;
  for (const MachineSpec& machine : spec.machines) {
    const std::string& name = machine.config.name;
    known.insert(name);
    const bool starts = std::find(starting.begin(), starting.end(), name) != starting.end();
    const auto recorded = record.find(name);
    if (starts || recorded == record.end()) {
      add_planned(hosts, machine.config);
    } else {
      add_recorded(hosts, recorded->second);
    }
  }
  for (const auto& [name, intent] : record) {
    if (known.count(name) == 0) add_recorded(hosts, intent);
  }
  return hosts;
}

void add_lan_files(MachineConfig& config, const std::vector<LanHost>& hosts) {
  std::string addresses;
  std::string names;
  std::set<std::string> lans;
  for (std::size_t i = 0; i < config.nets.size(); ++i) {
    const Net& net = config.nets[i];
    if (net.address.empty()) continue;
    addresses += fmt::format("{} {}\n", lower(mac_of(config, i)), net.address);
    if (net.type != NetType::lan || !lans.insert(net.lan).second) continue;
    for (const LanHost& host : hosts) {
      if (host.lan != net.lan) continue;
      names += fmt::format("{} {} {}.{}\n", host.address, host.name, host.name, host.lan);
    }
  }
  add_file(config, "opt/vmfleet/addresses", std::move(addresses));
  add_file(config, "opt/vmfleet/hosts", std::move(names));
}

}  // namespace vmfleet
