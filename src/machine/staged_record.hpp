// SPDX-License-Identifier: MIT
// StagedRecord: what the disks in an instance directory were made from. Private to this room.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <vmfleet/instance/instance_directory.hpp>
#include <vmfleet/instance/record.hpp>
#include <vmfleet/qemu/disk.hpp>

namespace vmfleet {

/// Tells whether a file is still the one that it was.
struct FileStamp {
  std::uint64_t size = 0;
  std::int64_t changed_ns = 0;  ///< its mtime
  std::uint64_t inode = 0;
  /// Its ctime, which nobody can set back; links and permissions change it, too.
  std::int64_t touched_ns = 0;

  /// *Errors*: `not_found`…
  static FileStamp of(const std::filesystem::path& path);
  /// Whether nothing was written to it, as far as its owner did not set back the time.
  bool operator==(const FileStamp& other) const {
    return size == other.size && changed_ns == other.changed_ns && inode == other.inode;
  }
};

/// The request and the file that a staged disk was made from.
struct DiskOrigin {
  DiskOrigin() = default;
  DiskOrigin(const Disk& disk, const FileStamp& stamp);

  std::string file;
  std::string format;
  std::string mode;
  std::uint64_t size = 0;
  FileStamp source;
  std::string content;  ///< `files::content_hash` of the source; empty: it was not asked for
  std::string tools;  ///< of what tools did to it: a hash of commands and contents; empty: nothing
  /// The file in the directory that it is an overlay on, of a machine that was cloned; empty: it is
  /// on the source.
  std::string base;

  /// Whether `now` is of the same source, by its content when that was asked for.
  [[nodiscard]] bool same_source(const DiskOrigin& now) const;
  [[nodiscard]] bool same_request(const DiskOrigin& other) const;
  /// "a copy of /images/root.img, grown to 4G".
  [[nodiscard]] std::string describe() const;
};

/// By the disk's name in the directory.
using StagedRecord = std::map<std::string, DiskOrigin>;

void write_staged(const InstanceDirectory& directory, const StagedRecord& record);
/// Empty when none was written. *Errors*: `corrupt`.
StagedRecord read_staged(const InstanceDirectory& directory, Damaged damaged = Damaged::set_aside);
/// Every file that staging may have left in the directory, as the records tell that can be read.
std::vector<std::string> read_staged_names(const InstanceDirectory& directory,
                                           Damaged damaged = Damaged::set_aside);

}  // namespace vmfleet
