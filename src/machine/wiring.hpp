// SPDX-License-Identifier: MIT
// Wiring: the sockets, FIFOs and files between a machine and whoever watches it. Private to this
// room.
#pragma once

#include <utility>
#include <vector>

#include <vmfleet/base/unique_fd.hpp>
#include <vmfleet/instance/instance_directory.hpp>
#include <vmfleet/qemu/wires.hpp>

namespace vmfleet {

/// All of it outlives us and stalls nobody. Our own ends are closed when this is destroyed: from
/// then on QEMU alone holds the sockets, so a connection tells whether it lives.
class Wiring {
 public:
  /// Makes everything in the directory, which has none of it yet.
  explicit Wiring(const InstanceDirectory& directory, bool serial_is_pipe = false);

  /// QEMU's descriptor ← ours.
  [[nodiscard]] std::vector<std::pair<int, int>> descriptors() const;

 private:
  UniqueFd alive_;
  UniqueFd control_;
  UniqueFd qmp_;
  UniqueFd monitor_;
  UniqueFd agent_;
  UniqueFd serial_in_;
  UniqueFd events_in_;
  UniqueFd events_out_;
  UniqueFd errors_;
};

}  // namespace vmfleet
