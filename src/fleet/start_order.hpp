// SPDX-License-Identifier: MIT
// StartOrder: who waits for whom while a fleet converges. Private to this room.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <vmfleet/async/event.hpp>
#include <vmfleet/async/task.hpp>
#include <vmfleet/fleet/fleet_spec.hpp>
#include <vmfleet/machine/machine_report.hpp>

namespace vmfleet {

/// *Lifetime*: outlives those that wait. *Threads*: its loop's own.
class StartOrder {
 public:
  /// `machines` have an order (`require_order`).
  explicit StartOrder(const std::vector<MachineSpec>& machines);

  /// Whether some machine waits for `name` to come that far.
  [[nodiscard]] bool is_awaited(const std::string& name, DependencyCondition condition) const;
  void reached(const std::string& name, DependencyCondition condition);
  /// Nothing more will be done for it: it has reached what this says, and who waits for more fails.
  void finished(const MachineReport& report);

  /// Returns when `machine` may be started; `tell` is told what it waits for.
  /// *Errors*: `unavailable`, naming the machine whose turn will never come, and why.
  Task<void> await_turn(const MachineSpec& machine, std::function<void(std::string_view)> tell);

 private:
  struct Standing {
    Standing() = default;

    std::string machine_class;
    std::optional<DependencyCondition> awaited;  ///< the furthest
    std::optional<DependencyCondition> reached;  ///< the furthest
    bool held_back = false;                      ///< by what it depends on itself
    std::string obstacle;                        ///< why it reaches no more
    std::string remedy;
    std::array<Event, 3> decided;  ///< by condition: reached, or never
  };

  Task<void> await_one(const std::string& name, DependencyCondition condition);

  std::map<std::string, Standing> standings_;  ///< by machine
};

}  // namespace vmfleet
