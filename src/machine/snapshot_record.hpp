// SPDX-License-Identifier: MIT
// SnapshotFolder: what is in a snapshot's folder, an instance directory in small. Private to this
// room.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include <vmfleet/instance/instance_directory.hpp>
#include <vmfleet/instance/intent.hpp>
#include <vmfleet/machine/snapshot.hpp>
#include <vmfleet/qemu/qemu_binary.hpp>

namespace vmfleet {

/// Beside them it has the intent, the state, the record of disks, the disks and the console's log
/// of that moment, under their names in the instance directory.
namespace snapshot_file {
inline constexpr const char* kRecord = "snapshot.json";
inline constexpr const char* kMachine = "machine";  ///< memory and devices
}  // namespace snapshot_file

/// The QEMU that has saved a machine; no other is given the state to load.
struct SavingQemu {
  SavingQemu() = default;
  std::string path;
  std::string version;
  std::string stamp;  ///< of the file

  /// That of a command line, as it is now. Blocking. *Errors*: `host_unfit`.
  static SavingQemu of(const std::vector<std::string>& argv);
};

struct SnapshotRecord {
  SnapshotRecord() = default;
  std::string created;
  SavingQemu qemu;
  bool paused = false;
  Milliseconds took{0};
  /// Of a guest that stood still: how long its log of events was. Has it run since, that tells so.
  std::optional<std::uint64_t> still_at;
};

std::filesystem::path snapshots_of(const std::filesystem::path& instance_directory);
/// Their names, sorted; none when there is no such machine.
std::vector<std::string> snapshot_tags(const std::filesystem::path& instance_directory);
/// One that was taken of this life, and since which its guest has stood still.
std::optional<std::string> find_unchanged(const InstanceDirectory& directory, const Intent& life);
/// *Errors*: `invalid_config` for what cannot be one.
void require_tag(const std::string& tag);
/// *Errors*: `not_found`, naming the snapshots that there are; `corrupt`.
SnapshotRecord read_snapshot(const std::filesystem::path& instance_directory,
                             const std::string& tag);
void write_snapshot(const std::filesystem::path& folder, const SnapshotRecord& record);
/// With what is on the disk. *Errors*: `not_found`, `corrupt`.
Snapshot describe_snapshot(const std::filesystem::path& folder);

}  // namespace vmfleet
