// SPDX-License-Identifier: MIT
// What a host and the program in its guest `tiny` tell each other when the guest was cloned. Both
// are of one image and one architecture: plain structures.
#pragma once

#include <cstdint>

namespace vmfleet::renewal {

inline constexpr char kMagic[8] = {'v', 'm', 'f', 'l', 'e', 'e', 't', '3'};
inline constexpr unsigned kEntropyBytes = 64;
/// *Source*: gethostname(2), Linux's limit.
inline constexpr unsigned kNameBytes = 64;
inline constexpr unsigned kMostInterfaces = 32;

/// Behind it come the interfaces, and then the text for /etc/hosts.
struct Request {
  char magic[8];
  std::int64_t seconds;  ///< since the epoch
  std::int64_t nanoseconds;
  char entropy[kEntropyBytes];
  char hostname[kNameBytes];  ///< with NULs behind it
  std::uint32_t interfaces;   ///< at most `kMostInterfaces`
  std::uint32_t hosts_bytes;
};

/// An interface on a LAN. Addresses as the network has them; of one that the host did not choose
/// all bytes are 0, and the guest keeps what it has.
struct Interface {
  std::uint8_t old_mac[6];  ///< by which it is found
  std::uint8_t new_mac[6];
  std::uint8_t address[4];
  std::uint8_t netmask[4];
  std::uint8_t broadcast[4];
};

struct Reply {
  char magic[8];
  std::int64_t seconds;  ///< the request's: an answer to an earlier one may come first
  std::int64_t nanoseconds;
  std::int64_t renumbered;  ///< how many of the interfaces
  std::int64_t renewed;     ///< 1: the time, the random numbers, the name and the keys are its own
};

}  // namespace vmfleet::renewal
