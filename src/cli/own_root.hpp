// SPDX-License-Identifier: MIT
// OwnRoot: a state root for one command, that no other command knows.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <vmfleet/base/unique_fd.hpp>

namespace vmfleet::cli {

/// A temporary folder that goes with this object. Held by a lock, which the kernel releases when
/// the process dies.
class OwnRoot {
 public:
  OwnRoot();
  OwnRoot(const OwnRoot&) = delete;
  OwnRoot& operator=(const OwnRoot&) = delete;
  OwnRoot(OwnRoot&& other) noexcept;
  OwnRoot& operator=(OwnRoot&&) = delete;
  ~OwnRoot();

  /// Those of this user whose process was killed, held by us from now on.
  static std::vector<OwnRoot> take_abandoned();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// Of two runs at once, networks must differ too, which are named after the fleet.
  [[nodiscard]] std::string fleet_name() const;
  /// For machines that still run in it: without their folder nobody could stop them.
  void keep() { kept_ = true; }

 private:
  OwnRoot(std::filesystem::path path, UniqueFd lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}

  std::filesystem::path path_;
  UniqueFd lock_;
  bool kept_ = false;
};

}  // namespace vmfleet::cli
