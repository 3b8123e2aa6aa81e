// SPDX-License-Identifier: MIT
// OwnRoot: a state root for one command, that no other command knows.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <vmfleet/base/unique_fd.hpp>

namespace vmfleet::cli {

/// A temporary folder that stays until it is removed: without it nobody could stop what runs there.
/// Held by a lock, which the kernel releases when the process dies.
class OwnRoot {
 public:
  OwnRoot();

  /// Those of this user whose process was killed, held by us from now on.
  static std::vector<OwnRoot> take_abandoned();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// Of two runs at once, networks must differ too, which are named after the fleet.
  [[nodiscard]] std::string fleet_name() const;
  /// For when nothing in it is alive: whatever machines and programs have left in it goes, too.
  /// *Errors*: when something stays; it can be tried again.
  void remove();
  [[nodiscard]] bool is_removed() const { return removed_; }

 private:
  OwnRoot(std::filesystem::path path, UniqueFd lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}

  std::filesystem::path path_;
  UniqueFd lock_;
  bool removed_ = false;
};

}  // namespace vmfleet::cli
