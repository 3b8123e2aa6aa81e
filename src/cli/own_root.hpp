// SPDX-License-Identifier: MIT
// OwnRoot: a state root for one command, that no other command knows.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <io/temporary_folder.hpp>
#include <vmfleet/base/unique_fd.hpp>

namespace vmfleet::cli {

/// A temporary folder that goes with this object. Held by a lock, which the kernel releases when
/// the process dies.
class OwnRoot {
 public:
  OwnRoot();

  /// Those of this user whose process was killed, held by us from now on.
  static std::vector<OwnRoot> take_abandoned();

  [[nodiscard]] const std::filesystem::path& path() const { return folder_.path(); }
  /// Of two runs at once, networks must differ too, which are named after the fleet.
  [[nodiscard]] std::string fleet_name() const;
  /// For machines that still run in it: without their folder nobody could stop them.
  void keep() { folder_.keep(); }

 private:
  OwnRoot(TemporaryFolder folder, UniqueFd lock)
      : lock_(std::move(lock)), folder_(std::move(folder)) {}

  UniqueFd lock_;  // held until the folder is gone
  TemporaryFolder folder_;
};

}  // namespace vmfleet::cli
