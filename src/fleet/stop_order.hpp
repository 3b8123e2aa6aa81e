// SPDX-License-Identifier: MIT
// StopOrder: machines end before those that they depend on. Private to this room.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <vmfleet/async/event.hpp>
#include <vmfleet/async/task.hpp>

namespace vmfleet {

/// Of the machines that are ended together, as their records say. *Lifetime*: outlives those that
/// wait. *Threads*: its loop's own.
class StopOrder {
 public:
  /// Blocking. Machines without a record that can be read, and those whose records contradict each
  /// other, have no order.
  StopOrder(const std::filesystem::path& fleet, const std::vector<std::string>& names);

  /// Returns when all that depends on `name` has ended.
  Task<void> await_turn(const std::string& name);
  void ended(const std::string& name);

 private:
  struct MachineClass {
    MachineClass() = default;

    std::size_t running = 0;
    Event all_ended;
    std::vector<MachineClass*> dependents;
  };

  std::map<std::string, MachineClass> classes_;
  std::map<std::string, MachineClass*> class_of_;  ///< by machine
};

}  // namespace vmfleet
