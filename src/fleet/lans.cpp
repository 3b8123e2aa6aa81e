// SPDX-License-Identifier: MIT
// Addresses: 10.LAN.CLASS.NUMBER, the LAN in 64..191, four values of the third byte for each class.
#include "fleet/lans.hpp"

#include <charconv>
#include <cstdio>
#include <map>
#include <set>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>
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

  /// The number that the name has already, unless another name has it.
  void keep(const std::string& name, unsigned number) {
    if (number >= limit_ || numbers_.count(name) != 0 || taken_.count(number) != 0) return;
    taken_.insert(number);
    numbers_.emplace(name, number);
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

/// Addresses, and which numbers in them mean what.
class Numbering {
 public:
  std::string address(const MachineSpec& machine, const std::string& lan) {
    const auto number = static_cast<unsigned>(machine.index) + 1;
    const unsigned block = classes_.of(machine.machine_class) * kClassBytes + number / 256;
    return fmt::format("10.{}.{}.{}/16", kFirstLan + lans_.of(lan), block, number % 256);
  }

  /// As it was when this machine was started.
  void keep(const Intent& machine) {
    const json::Array* nets = machine.nets.as_array();
    const json::Array* addresses = machine.spec["lan"].as_array();
    if (nets == nullptr || addresses == nullptr) return;
    for (std::size_t i = 0; i < nets->size() && i < addresses->size(); ++i) {
      const std::string* address = (*addresses)[i].as_string();
      unsigned lan = 0;
      unsigned block = 0;
      if (address == nullptr || std::sscanf(address->c_str(), "10.%3u.%3u.", &lan, &block) != 2 ||
          lan < kFirstLan) {
        continue;
      }
      lans_.keep(std::string((*nets)[i].text("lan")), lan - kFirstLan);
      classes_.keep(std::string(machine.spec.text("class")), block / kClassBytes);
    }
  }

 private:
  Numbers lans_{kLans, "LANs"};
  Numbers classes_{kClasses, "machine classes on LANs"};
};

void give_chosen(std::vector<MachineSpec>& machines, Numbering numbering) {
  for (MachineSpec& machine : machines) {
    for (const std::size_t i : machine.chosen_addresses) {
      Net& net = machine.config.nets.at(i);
      net.address = numbering.address(machine, net.lan);
    }
  }
}

}  // namespace

FleetRecord read_fleet_record(const std::filesystem::path& fleet) {
  FleetRecord record;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(fleet, error)) {
    try {
      auto intent = read_intent(InstanceDirectory::open(entry.path()));
      if (intent) record.emplace(entry.path().filename().string(), std::move(*intent));
    } catch (const Error&) {
      // Whoever works on that machine is told.
    }
  }
  return record;
}

void give_lan_addresses(std::vector<MachineSpec>& machines) {
  const std::set<std::string> given = lans_with_addresses(machines);
  for (MachineSpec& machine : machines) {
    std::set<std::string> seen;
    for (std::size_t i = 0; i < machine.config.nets.size(); ++i) {
      const Net& net = machine.config.nets[i];
      if (net.type != NetType::lan || given.count(net.lan) != 0) continue;
      if (seen.insert(net.lan).second) machine.chosen_addresses.insert(i);
    }
  }
  give_chosen(machines, Numbering());
}

void keep_lan_addresses(std::vector<MachineSpec>& machines, const FleetRecord& record) {
  Numbering numbering;
  for (const auto& [name, intent] : record) numbering.keep(intent);
  give_chosen(machines, std::move(numbering));
  for (MachineSpec& machine : machines) {
    const json::Object* source = machine.source.as_object();
    if (source == nullptr) continue;
    json::Object kept = *source;
    kept.set("lan", lan_addresses(machine));
    machine.source = std::move(kept);
  }
}

bool has_lan_addresses(const std::vector<MachineSpec>& machines) {
  return !lans_with_addresses(machines).empty();
}

json::Value lan_addresses(const MachineSpec& machine) {
  json::Array addresses(machine.config.nets.size());
  for (const std::size_t i : machine.chosen_addresses) {
    addresses[i] = machine.config.nets[i].address;
  }
  return addresses;
}

void set_lan_addresses(MachineSpec& machine, const json::Value& addresses) {
  const json::Array* list = addresses.as_array();
  if (list == nullptr) return;
  std::set<std::size_t> chosen;
  for (const std::size_t i : machine.chosen_addresses) {
    std::string& address = machine.config.nets.at(i).address;
    const std::string* known = i < list->size() ? (*list)[i].as_string() : nullptr;
    address = known == nullptr ? "" : *known;
    if (!address.empty()) chosen.insert(i);
  }
  machine.chosen_addresses = std::move(chosen);
}

}  // namespace vmfleet
