// SPDX-License-Identifier: MIT
// Device: what can be attached to a machine beyond the devices that every machine has.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <vector>

namespace vmfleet {

struct MachineConfig;

/// What a device adds to a machine.
struct DeviceParts {
  DeviceParts() = default;

  std::vector<std::string> arguments;         ///< of QEMU, passed on as they are
  std::vector<std::string> kernel_arguments;  ///< before the user's own
  /// Why a machine that has it is never cloned; empty when it may be. What is of the host, or frees
  /// memory (clones share theirs), must not be.
  std::string not_cloned = "nobody has said that its devices can be cloned";

  bool operator==(const DeviceParts&) const = default;
};

/// A device says what it adds to the machine that it is given; write your own, and attach it with
/// `MachineConfig::attach`.
template <class T>
concept Device = requires(const T& device, const MachineConfig& config) {
  { device.parts(config) } -> std::same_as<DeviceParts>;
};

/// Memory that the guest gives back: by itself as it frees pages, and on QMP's `balloon`.
struct Balloon {
  [[nodiscard]] DeviceParts parts(const MachineConfig& config) const;
};

/// A socket between host and guest (AF_VSOCK). Needs the host's /dev/vhost-vsock.
struct Vsock {
  explicit Vsock(std::uint32_t guest_cid) : cid(guest_cid) {}

  std::uint32_t cid;  ///< the guest's address, of its own on this host; 3 or more
  [[nodiscard]] DeviceParts parts(const MachineConfig& config) const;
};

/// An address for a machine that is likely its own: from its names. *Source*: vsock(7).
std::uint32_t derive_cid(const MachineConfig& config);

}  // namespace vmfleet
