// SPDX-License-Identifier: MIT
// What is impossible in network interfaces and forwards.
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "qemu/problems.hpp"
#include "qemu/syntax.hpp"

namespace vmfleet::qemu {
namespace {

constexpr std::size_t kLongestInterface = 15;  // IFNAMSIZ without its NUL

void check_user_net(Problems& problems, const std::string& key, const Net& net) {
  problems.require(net.subnet.empty() || is_ipv4_network(net.subnet), key + ".subnet", net.subnet,
                   "an IPv4 network", "such as \"10.0.2.0/24\"");
  problems.require(net.dhcp_start.empty() || is_ipv4(net.dhcp_start), key + ".dhcp_start",
                   net.dhcp_start, "an IPv4 address");
  problems.require(net.dns.empty() || is_ipv4(net.dns), key + ".dns", net.dns, "an IPv4 address");
  problems.require(net.host.empty() || is_ipv4(net.host), key + ".host", net.host,
                   "an IPv4 address");
}

/// Keys that mean nothing for this type were meant for another one.
void check_foreign_keys(Problems& problems, const std::string& key, const Net& net) {
  const auto refuse = [&](bool given, NetType type, const char* name) {
    if (!given || net.type == type) return;
    problems.add(key + "." + name, fmt::format("is for type \"{}\", this interface has type \"{}\"",
                                               to_string(type), to_string(net.type)));
  };
  refuse(!net.subnet.empty(), NetType::user, "subnet");
  refuse(!net.dhcp_start.empty(), NetType::user, "dhcp_start");
  refuse(!net.dns.empty(), NetType::user, "dns");
  refuse(!net.host.empty(), NetType::user, "host");
  refuse(net.restrict_guest, NetType::user, "restrict");
  refuse(!net.forwards.empty(), NetType::user, "forward");
  refuse(!net.interface.empty(), NetType::tap, "interface");
  refuse(!net.up_script.empty(), NetType::tap, "up_script");
  refuse(!net.lan.empty(), NetType::lan, "lan");
  // A user network has a DHCP server of its own.
  if (net.type == NetType::user) refuse(!net.address.empty(), NetType::lan, "address");
}

void check_type(Problems& problems, const std::string& key, const Net& net) {
  check_foreign_keys(problems, key, net);
  if (net.type == NetType::user) check_user_net(problems, key, net);
  if (net.type == NetType::tap) {
    problems.require(!net.interface.empty() && net.interface.size() <= kLongestInterface &&
                         is_valid_name(net.interface),
                     key + ".interface", net.interface, "the name of a network interface");
    if (!net.up_script.empty()) problems.check_path(key + ".up_script", net.up_script);
  }
  if (net.type == NetType::lan) {
    problems.require(is_valid_name(net.lan), key + ".lan", net.lan, "the name of a LAN");
  }
}

/// The forwards of one machine share its names and the host's ports.
class ForwardChecker {
 public:
  explicit ForwardChecker(Problems& problems) : problems_(problems) {}

  void check(const std::string& key, const Forward& forward) {
    problems_.require(is_forward_name(forward.name), key, forward.name, "a usable forward name",
                      "letters, digits, - and _; at most 32");
    problems_.require(is_ipv4(forward.host_addr), key, forward.host_addr, "an IPv4 address",
                      "\"127.0.0.1\", or \"0.0.0.0\" for every interface");
    if (forward.guest_port == 0) problems_.add(key, "the guest's port is missing");
    if (!names_.insert(forward.name).second) {
      problems_.add(key, fmt::format("the name \"{}\" is there twice", forward.name));
    }
    if (forward.host_port != 0) check_host_port(key, forward);
  }

 private:
  void check_host_port(const std::string& key, const Forward& forward) {
    for (const Forward& other : taken_) {
      if (share_host_port(other, forward)) {
        problems_.add(key, fmt::format("host port {} is there twice", forward.host_port),
                      "leave the host's port out and QEMU picks a free one");
        return;
      }
    }
    taken_.push_back(forward);
  }

  Problems& problems_;
  std::set<std::string> names_;
  std::vector<Forward> taken_;
};

}  // namespace

void check_nets(Problems& problems, const MachineConfig& config) {
  ForwardChecker forwards(problems);
  std::set<std::string> macs;
  for (std::size_t i = 0; i < config.nets.size(); ++i) {
    const Net& net = config.nets[i];
    const std::string key = fmt::format("net[{}]", i);
    problems.require(net.mac.empty() || is_mac(net.mac), key + ".mac", net.mac,
                     "the MAC address of one machine", "such as \"52:54:00:12:34:56\"");
    if (!net.mac.empty() && !macs.insert(net.mac).second) {
      problems.add(key + ".mac", fmt::format("\"{}\" is there twice", net.mac));
    }
    check_type(problems, key, net);
    problems.require(net.address.empty() || is_ipv4_interface(net.address), key + ".address",
                     net.address, "an address with its prefix", "such as \"192.168.50.1/24\"");
    for (std::size_t f = 0; f < net.forwards.size(); ++f) {
      forwards.check(fmt::format("{}.forward[{}]", key, f), net.forwards[f]);
    }
  }
}

}  // namespace vmfleet::qemu
