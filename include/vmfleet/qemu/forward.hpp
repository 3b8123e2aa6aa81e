// SPDX-License-Identifier: MIT
// Forward: a port of the host that leads into the guest, as the user asks for it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <vmfleet/base/result.hpp>

namespace vmfleet {

enum class Protocol { tcp, udp };

std::string_view to_string(Protocol protocol) noexcept;

struct Forward {
  Forward() = default;
  Forward(std::string forward_name, std::uint16_t guest)
      : name(std::move(forward_name)), guest_port(guest) {}

  std::string name;
  Protocol protocol = Protocol::tcp;
  std::string host_addr = "127.0.0.1";  ///< closed by default: nothing off this host gets in
  std::uint16_t host_port = 0;  ///< 0: QEMU takes a free one, which nobody can take before it
  std::uint16_t guest_port = 0;

  bool operator==(const Forward&) const = default;
};

/// `[NAME:][[ADDRESS:]HOST:]GUEST[/udp]`: `22`, `ssh:22`, `8080:80`, `web:8080:80`,
/// `web:0.0.0.0:8080:80`, `dns:53/udp`. Without a name it is called by its guest port (`22`,
/// `53-udp`). *Errors*: `invalid_config`.
Result<Forward> parse_forward(std::string_view text);
/// Whether both want the same port of the host.
bool share_host_port(const Forward& one, const Forward& other) noexcept;
/// As `leads_to_ssh` of a `PortForward`.
bool leads_to_ssh(const Forward& forward) noexcept;
/// The shortest text that `parse_forward` reads back.
std::string to_string(const Forward& forward);

}  // namespace vmfleet
