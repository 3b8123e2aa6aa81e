// SPDX-License-Identifier: MIT
// Net: one network interface of a machine and what it is connected to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <vmfleet/base/result.hpp>
#include <vmfleet/qemu/forward.hpp>

namespace vmfleet {

enum class NetType {
  user,  ///< QEMU's own NAT; needs no rights
  tap,   ///< an interface of the host
  lan,   ///< a segment that the machines of one fleet share (multicast on loopback)
};

std::string_view to_string(NetType type) noexcept;
Result<NetType> parse_net_type(std::string_view word);

struct Net {
  Net() = default;

  NetType type = NetType::user;
  std::string mac;  ///< empty: `derive_mac`

  // user; empty: QEMU's own (10.0.2.0/24, .15, .3, .2)
  std::string subnet;
  std::string dhcp_start;
  std::string dns;
  std::string host;
  bool restrict_guest = false;  ///< the guest reaches nothing but its forwards
  std::vector<Forward> forwards;

  // tap
  std::string interface;
  std::string up_script;  ///< absolute; run by the launch before QEMU, as `up_script INTERFACE`

  // lan
  std::string lan;

  // tap, lan; `ADDRESS/PREFIX`, for guests that let the host choose it; QEMU does not need it
  std::string address;

  bool operator==(const Net&) const = default;
};

/// Stable for a machine, different between machines, locally administered. Fleets of one name in
/// different state roots have the same ones: they share no LAN.
std::string derive_mac(std::string_view fleet, std::string_view machine, std::size_t index);

/// `GROUP:PORT` of a LAN: whoever is on it shares the segment. Different for another scope
/// (`MachineConfig::lan_scope`), fleet or LAN: two of a hundred on one host are the same in one of
/// 40 million cases.
std::string lan_segment(std::string_view scope, std::string_view fleet, std::string_view lan);

}  // namespace vmfleet
