// SPDX-License-Identifier: MIT
// Initrd archives: written without root, byte for byte the same each time, and extended by
// appending.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include <vmfleet/base/error.hpp>

namespace vmfleet {

/// Builds a newc cpio archive, the format that Linux unpacks into its first root file system.
///
/// Paths are the guest's, with or without a leading slash; folders above an entry are made when
/// they are not there yet. Everything belongs to root and is dated 1970, so equal input gives equal
/// bytes. *Errors*: `invalid_config` for a path that is empty or contains `..`, and for the second
/// entry of one path.
/// *Source*: Linux Documentation/driver-api/early-userspace/buffer-format.rst.
class InitrdWriter {
 public:
  InitrdWriter();
  InitrdWriter(InitrdWriter&&) noexcept;
  InitrdWriter& operator=(InitrdWriter&&) noexcept;
  ~InitrdWriter();

  void directory(std::string_view path, mode_t mode = 0755);
  void file(std::string_view path, std::string_view contents, mode_t mode = 0644);
  void symlink(std::string_view path, std::string_view target);
  /// A device node such as `dev/console` (5, 1), which needs no privilege here.
  void character_device(std::string_view path, unsigned major, unsigned minor, mode_t mode = 0600);

  /// The whole archive; its size is a multiple of 4, so another can follow it.
  std::string finish() &&;

 private:
  class State;
  std::unique_ptr<State> state_;
};

/// Writes `extra`, an archive of `InitrdWriter`, behind a copy of the initrd `base` to `target`.
/// Linux unpacks one after the other; files of the later one win. `base` may be compressed.
///
/// `target` appears whole or not at all. Blocking: call it through `offload`.
/// *Errors*: `not_found`, or `unavailable` (the disk is full…), with nothing left behind.
void append_initrd(const std::filesystem::path& base, std::string_view extra,
                   const std::filesystem::path& target);

}  // namespace vmfleet
