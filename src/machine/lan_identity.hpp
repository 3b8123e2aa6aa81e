// SPDX-License-Identifier: MIT
// What clones on LANs have of their own: addresses, and the names of their neighbours. Private to
// this room.
#pragma once

#include <string>
#include <vector>

#include <vmfleet/machine/template.hpp>
#include <vmfleet/qmp/client.hpp>

namespace vmfleet {

/// An interface of a clone, which has its template's addresses yet.
struct LanInterface {
  LanInterface() = default;

  std::string old_mac;  ///< in lower case, as the following one
  std::string new_mac;
  std::string address;  ///< `ADDRESS/PREFIX`; empty: the host chose none

  bool operator==(const LanInterface&) const = default;
};

struct LanIdentity {
  LanIdentity() = default;

  std::vector<LanInterface> interfaces;
  std::string hosts;  ///< lines for /etc/hosts; empty when the guest is not to be told
};

LanIdentity lan_identity_of(const MachineConfig& clone, const MachineTemplate& original);

bool has_lans(const MachineConfig& config);

/// What a guest of the image `tiny` is told of its LANs when it boots. A clone is told it anew.
bool tells_of_lans(const MachineConfig& config, const Injection& injection);

/// A template has no neighbours; its addresses may be any.
void forget_neighbours(MachineConfig& config);

/// Plugs the cables of all interfaces on LANs in, or out: then nothing is sent or received there,
/// and the guest sees it. *Source*: QEMU's QMP reference, set_link.
Task<void> plug_lans(qmp::Client& client, const MachineConfig& config, bool in);

}  // namespace vmfleet
