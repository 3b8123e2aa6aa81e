// SPDX-License-Identifier: MIT
// ImageLock: QEMU's own locks on disk images, asked for and taken.
#pragma once

#include <filesystem>

#include <vmfleet/base/unique_fd.hpp>

namespace vmfleet::image {

enum class ImageUse {
  read,   ///< nobody may write meanwhile
  write,  ///< nobody may read or write meanwhile
};

/// Whether a QEMU (or a lock of ours) uses the image in a way that excludes this one. It goes by
/// the file itself: other paths, links and state roots make no difference. False where the file or
/// its locks cannot be looked at.
/// *Source*: QEMU block/file-posix.c, raw_check_lock_bytes: open file description locks on one byte
/// for each permission that is used, and one for each that is not shared.
bool is_excluded(const std::filesystem::path& image, ImageUse use);

/// Keeps every QEMU from opening the image for writing while this lives.
class ImageReadLock {
 public:
  /// *Errors*: `conflict` when one writes to it already.
  explicit ImageReadLock(const std::filesystem::path& image);

 private:
  UniqueFd fd_;
};

}  // namespace vmfleet::image
