// SPDX-License-Identifier: MIT
// Snapshot: one machine at one moment, kept in its directory, to which it can be set back.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <vmfleet/async/task.hpp>
#include <vmfleet/base/units.hpp>

namespace vmfleet {

/// Memory, devices, the machine's own disks, and what its console had printed.
struct Snapshot {
  Snapshot() = default;

  std::string tag;
  std::string created;   ///< in UTC
  std::string qemu;      ///< its version: no other can restore it
  bool paused = false;   ///< the guest stood still, and does when it is restored
  Milliseconds took{0};  ///< for how long the guest stood still while it was taken
  Bytes size;            ///< on the disk
  std::filesystem::path directory;
};

struct SnapshotOptions {
  SnapshotOptions() = default;
  bool replace = false;  ///< one of the same tag that is there already
};

struct RestoreOptions {
  RestoreOptions() = default;
  /// Told what could not be done quite as asked.
  std::function<void(std::string_view)> on_warning;
  /// Told of each step by name.
  std::function<void(std::string_view)> on_step;
};

/// The machine's snapshots, the oldest first. Blocking. *Errors*: `not_found` (no such machine).
std::vector<Snapshot> list_snapshots(const std::filesystem::path& instance_directory);

/// *Errors*: `not_found`, naming those that there are; `conflict` when another command works on the
/// machine.
Task<void> remove_snapshot(std::filesystem::path instance_directory, std::string tag);

}  // namespace vmfleet
