// SPDX-License-Identifier: MIT
// Addresses: 10.LAN.CLASS.NUMBER, the LAN in 64..191, four values of the third byte for each class.
#include "fleet/lans.hpp"

#include <charconv>
#include <map>
#include <set>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>
#include <vmfleet/instance/intent.hpp>
#include <vmfleet/qemu/net.hpp>

namespace vmfleet {

namespace {

// A class may have 1024 machines: four times 256 addresses. The last four are left out, with the
// broadcast address among them.
constexpr unsigned kClasses = 63;
constexpr unsigned kClassBytes = 4;
constexpr unsigned kFirstLan = 64;
constexpr unsigned kLans = 128;

/// Numbers below a limit for names: each has its own, near that of its hash.
class Numbers {
 public:
  Numbers(unsigned limit, std::string what) : limit_(limit), what_(std::move(what)) {}

  unsigned of(const std::string& name) {
    if (const auto known = numbers_.find(name); known != numbers_.end()) return known->second;
    if (numbers_.size() == limit_) {
      throw Error(ErrorKind::invalid_config,
                  fmt::format("no addresses for more than {} {}", limit_, what_))
          .hint("set address = \"ADDRESS/PREFIX\" in their [[net]] tables");
    }
    unsigned number = hash_of(name) % limit_;
    while (!taken_.insert(number).second) number = (number + 1) % limit_;
    numbers_.emplace(name, number);
    return number;
  }

 private:
  static unsigned hash_of(const std::string& name) {
    const std::string hex = short_hash(name).substr(0, 7);
    unsigned hash = 0;
    std::from_chars(hex.data(), hex.data() + hex.size(), hash, 16);
    return hash;
  }

  unsigned limit_;
  std::string what_;
  std::map<std::string, unsigned> numbers_;
  std::set<unsigned> taken_;
};

std::set<std::string> lans_with_addresses(const std::vector<MachineSpec>& machines) {
  std::set<std::string> lans;
  for (const MachineSpec& machine : machines) {
    for (const Net& net : machine.config.nets) {
      if (net.type == NetType::lan && !net.address.empty()) lans.insert(net.lan);
    }
  }
  return lans;
}

std::string address_alone(std::string_view address) {
  return std::string(address.substr(0, address.find('/')));
}

/// What an earlier command recorded of a machine.
void add_recorded(std::vector<LanHost>& hosts, const std::filesystem::path& directory) {
  std::optional<Intent> intent;
  try {
    intent = read_intent(InstanceDirectory::open(directory));
  } catch (const Error&) {
    return;  // names are a convenience: whoever works on that machine is told
  }
  const json::Array* nets = intent ? intent->nets.as_array() : nullptr;
  if (nets == nullptr) return;
  for (const json::Value& net : *nets) {
    if (net.text("lan").empty() || net.text("address").empty()) continue;
    LanHost& host = hosts.emplace_back();
    host.lan = net.text("lan");
    host.address = address_alone(net.text("address"));
    host.name = intent->name;
  }
}

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

void add_file(MachineConfig& config, std::string name, std::string text) {
  if (text.empty()) return;
  FwCfg& entry = config.fw_cfg.emplace_back();
  entry.name = std::move(name);
  entry.text = std::move(text);
}

}  // namespace

void give_lan_addresses(std::vector<MachineSpec>& machines) {
  const std::set<std::string> given = lans_with_addresses(machines);
  Numbers lans(kLans, "LANs");
  Numbers classes(kClasses, "machine classes on LANs");
  for (MachineSpec& machine : machines) {
    std::set<std::string> seen;
    for (Net& net : machine.config.nets) {
      if (net.type != NetType::lan || given.count(net.lan) != 0) continue;
      if (!seen.insert(net.lan).second) continue;
      const auto number = static_cast<unsigned>(machine.index) + 1;
      const unsigned block = classes.of(machine.machine_class) * kClassBytes + number / 256;
      net.address =
          fmt::format("10.{}.{}.{}/16", kFirstLan + lans.of(net.lan), block, number % 256);
    }
  }
}

json::Value lan_addresses(const MachineConfig& config) {
  json::Array addresses;
  for (const Net& net : config.nets) addresses.emplace_back(net.address);
  return addresses;
}

void set_lan_addresses(MachineConfig& config, const json::Value& addresses) {
  const json::Array* list = addresses.as_array();
  for (std::size_t i = 0; i < config.nets.size(); ++i) {
    const bool known = list != nullptr && i < list->size() && (*list)[i].is_string();
    if (known) config.nets[i].address = *(*list)[i].as_string();
  }
}

std::vector<LanHost> find_lan_hosts(const FleetSpec& spec, const std::filesystem::path& fleet) {
  std::vector<LanHost> hosts;
  std::set<std::string> known;
  for (const MachineSpec& machine : spec.machines) {
    known.insert(machine.config.name);
    for (const Net& net : machine.config.nets) {
      if (net.type != NetType::lan || net.address.empty()) continue;
      LanHost& host = hosts.emplace_back();
      host.lan = net.lan;
      host.address = address_alone(net.address);
      host.name = machine.config.name;
    }
  }
  if (hosts.empty()) return hosts;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(fleet, error)) {
    if (known.count(entry.path().filename().string()) == 0) add_recorded(hosts, entry.path());
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
    const std::string mac = net.mac.empty() ? derive_mac(config.fleet, config.name, i) : net.mac;
    addresses += fmt::format("{} {}\n", lower(mac), net.address);
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
