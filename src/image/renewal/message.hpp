// SPDX-License-Identifier: MIT
// What a host and the program in its guest `tiny` tell each other when the guest was cloned. Both
// are of one image and one architecture: plain structures.
#pragma once

#include <cstdint>

namespace vmfleet::renewal {

inline constexpr char kMagic[8] = {'v', 'm', 'f', 'l', 'e', 'e', 't', '1'};
inline constexpr unsigned kEntropyBytes = 64;
inline constexpr unsigned kRandomBytes = 16;
/// *Source*: gethostname(2), Linux's limit.
inline constexpr unsigned kNameBytes = 64;

struct Request {
  char magic[8];
  std::int64_t seconds;  ///< since the epoch
  std::int64_t nanoseconds;
  char entropy[kEntropyBytes];
  char hostname[kNameBytes];  ///< with NULs behind it
};

struct Reply {
  char magic[8];
  std::int64_t seconds;  ///< the request's: an answer to an earlier one may come first
  std::int64_t nanoseconds;
  char random[kRandomBytes];  ///< drawn after the renewal: two clones never have the same
};

}  // namespace vmfleet::renewal
