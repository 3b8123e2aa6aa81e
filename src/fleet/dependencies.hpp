// SPDX-License-Identifier: MIT
// Dependencies of machine classes on each other. Private to this room.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <vmfleet/base/json.hpp>
#include <vmfleet/base/result.hpp>
#include <vmfleet/fleet/fleet_spec.hpp>

namespace vmfleet {

/// *Errors*: `invalid_config`; the hint has the word that was meant, also by docker compose's name.
Result<DependencyCondition> parse_dependency_condition(std::string_view word);

json::Object to_json(const Dependencies& dependencies);
/// Leaves out what is none.
Dependencies dependencies_from_json(const json::Value& value);

/// Machine class → the classes that it depends on.
using DependencyGraph = std::map<std::string, std::set<std::string>>;

DependencyGraph graph_of(const std::vector<MachineSpec>& machines);
/// `a`, `b`, `a`: each depends on the next one; empty when there is no cycle.
std::vector<std::string> find_cycle(const DependencyGraph& graph);

/// *Errors*: `invalid_config` when a class is unknown, or depends on itself by whatever way.
void require_order(const std::vector<MachineSpec>& machines);
/// The names of `selected` and of all machines that they depend on, in the specification's order.
std::vector<std::string> with_dependencies(const std::vector<MachineSpec>& machines,
                                           const std::vector<std::string>& selected);
/// Every machine after all that it depends on; else they stay in their order.
void sort_by_dependencies(std::vector<MachineSpec>& machines);

}  // namespace vmfleet
