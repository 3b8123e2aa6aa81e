// SPDX-License-Identifier: MIT
// The texts that make the `tiny` guest: its init and what init uses.
#pragma once

#include <sys/types.h>

#include <array>
#include <string_view>

namespace vmfleet::image {

/// What the guest prints, alone on its line, when its network and its sshd are up.
inline constexpr std::string_view kReadyMarker = "vmfleet: guest ready";

struct GuestFile {
  std::string_view path;
  mode_t mode;
  std::string_view contents;
};

/// Every text file of the guest.
extern const std::array<GuestFile, 9> kGuestFiles;

}  // namespace vmfleet::image
