// SPDX-License-Identifier: MIT
// Completion: what a specification leaves to the host and the fleet. Private to this room.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include <vmfleet/fleet/fleet.hpp>
#include <vmfleet/image/image_store.hpp>

#include "fleet/operation.hpp"

namespace vmfleet {

class Completion {
 public:
  enum class Keys {
    make,    ///< the key pair, as far as it is missing
    assume,  ///< that it is there: for a look that changes nothing
  };

  Completion(std::filesystem::path root, std::string fleet, const Operation& operation, Keys keys)
      : root_(std::move(root)), fleet_(std::move(fleet)), operation_(operation), keys_(keys) {}

  /// The machines that `options` mean and those that they depend on, with image files, accelerator,
  /// keys and LAN names filled in.
  /// *Errors*: `host_unfit`, `not_found` (names, images), `invalid_config`.
  Task<std::vector<MachineSpec>> run(FleetSpec spec, const UpOptions& options);

 private:
  Task<void> choose_accelerator(MachineConfig& config);
  Task<void> fill_in_image(MachineSpec& machine);
  Task<void> give_key(MachineSpec& machine);
  Task<void> make_key_once();

  std::filesystem::path root_;
  std::string fleet_;
  const Operation& operation_;
  Keys keys_;
  ImageStore store_;
  std::map<std::string, Image> images_;
  std::map<std::tuple<std::string, Arch, Accelerator>, Accelerator> accelerators_;
  bool key_tried_ = false;
  std::optional<Error> no_key_;
};

}  // namespace vmfleet
