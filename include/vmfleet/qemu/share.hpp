// SPDX-License-Identifier: MIT
// Share: a folder of the host that the guest can mount.
#pragma once

#include <string>
#include <string_view>

#include <vmfleet/base/result.hpp>

namespace vmfleet {

enum class ShareType {
  p9,    ///< 9p over virtio; live, needs the guest's driver
  vfat,  ///< a read-only disk made of the folder at the start; every guest can read it
};

std::string_view to_string(ShareType type) noexcept;
Result<ShareType> parse_share_type(std::string_view word);

struct Share {
  Share() = default;

  ShareType type = ShareType::p9;
  std::string path;  ///< absolute
  std::string tag;   ///< the mount tag (9p, at most 31 bytes) or volume label (vfat, at most 11)
  bool writable = false;
  bool root = false;  ///< the guest's root file system (9p)

  bool operator==(const Share&) const = default;
};

}  // namespace vmfleet
