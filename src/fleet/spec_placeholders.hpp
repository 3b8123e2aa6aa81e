// SPDX-License-Identifier: MIT
// What is wrong with the placeholders of a machine. Private to this room.
#pragma once

#include <string>
#include <vector>

#include <vmfleet/qemu/machine_config.hpp>

#include "fleet/spec_node.hpp"
#include "fleet/spec_problems.hpp"

namespace vmfleet::spec {

/// The forwards that a machine's keys may name.
class ForwardNames {
 public:
  explicit ForwardNames(const MachineConfig& config);

  [[nodiscard]] bool has(const std::string& name) const;
  /// For who has named another one.
  [[nodiscard]] std::string hint() const;

 private:
  std::vector<std::string> names_;
};

/// Those that are left in the machine's keys after all that is known was put in.
void check_placeholders(const Node& machine, const std::string& path, const MachineConfig& config,
                        Problems& problems);

}  // namespace vmfleet::spec
