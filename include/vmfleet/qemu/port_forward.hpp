// SPDX-License-Identifier: MIT
// PortForward: a forward that a running QEMU has, and the reader of its `info usernet`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vmfleet {

struct PortForward {
  PortForward() = default;

  std::string name;      ///< from `parse_usernet`: the id of the netdev (QEMU knows no other name)
  std::string protocol;  ///< "tcp" or "udp"
  std::string host_addr;
  std::uint16_t host_port = 0;
  std::string guest_addr;
  std::uint16_t guest_port = 0;

  bool operator==(const PortForward&) const = default;
};

/// Whether it leads to an SSH server: TCP, and called `ssh` or to port 22 of the guest.
bool leads_to_ssh(const PortForward& port) noexcept;
/// Of those that do, the one called `ssh`, else the first; nullptr when there is none.
const PortForward* find_ssh_port(const std::vector<PortForward>& ports) noexcept;

/// The forwards in the answer to the monitor command `info usernet`, in its order. Rows of other
/// protocols and states, and lines that are no rows, are passed over; `*` reads as 0.0.0.0.
/// *Source*: libslirp, slirp_connection_info().
std::vector<PortForward> parse_usernet(std::string_view text);

}  // namespace vmfleet
