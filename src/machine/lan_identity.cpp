// SPDX-License-Identifier: MIT
// A clone's addresses, as its configuration has them.
#include "machine/lan_identity.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <vmfleet/qemu/injected_files.hpp>
#include <vmfleet/qmp/commands.hpp>

namespace vmfleet {

namespace {

constexpr std::string_view kAddressesFile = "opt/vmfleet/addresses";
constexpr std::string_view kHostsFile = "opt/vmfleet/hosts";

std::string in_lower_case(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

}  // namespace

bool has_lans(const MachineConfig& config) {
  const auto is_lan = [](const Net& net) { return net.type == NetType::lan; };
  return std::any_of(config.nets.begin(), config.nets.end(), is_lan);
}

bool tells_of_lans(const MachineConfig& config, const Injection& injection) {
  const std::string name = firmware_name(config, injection);
  return name == kAddressesFile || name == kHostsFile;
}

void forget_neighbours(MachineConfig& config) {
  const auto is_hosts = [&](const Injection& injection) {
    return firmware_name(config, injection) == kHostsFile;
  };
  std::erase_if(config.injections, is_hosts);
}

LanIdentity lan_identity_of(const MachineConfig& clone, const MachineTemplate& original) {
  LanIdentity identity;
  for (std::size_t i = 0; i < clone.nets.size() && i < original.macs.size(); ++i) {
    if (clone.nets[i].type != NetType::lan) continue;
    LanInterface& interface = identity.interfaces.emplace_back();
    interface.old_mac = in_lower_case(original.macs[i]);
    interface.new_mac = in_lower_case(mac_of(clone, i));
    interface.address = clone.nets[i].address;
  }
  for (const Injection& injection : clone.injections) {
    if (firmware_name(clone, injection) == kHostsFile) identity.hosts = injection.text.value_or("");
  }
  return identity;
}

Task<void> plug_lans(qmp::Client& client, const MachineConfig& config, bool in) {
  for (std::size_t i = 0; i < config.nets.size(); ++i) {
    if (config.nets[i].type != NetType::lan) continue;
    co_await qmp::set_link(client, fmt::format("nic{}", i), in);
  }
}

}  // namespace vmfleet
