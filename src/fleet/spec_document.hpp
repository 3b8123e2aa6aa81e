// SPDX-License-Identifier: MIT
// From a tree to a fleet. Private to this room.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <vmfleet/fleet/fleet_spec.hpp>

#include "fleet/spec_node.hpp"
#include "fleet/spec_problems.hpp"

namespace vmfleet::spec {

/// *Errors*: throws all problems at once.
FleetSpec read_document(const Node& root, Problems problems, const std::filesystem::path& folder,
                        const SpecOptions& options);

/// A folder may be called anything; what cannot be in a name becomes a dash.
std::string name_from(const std::filesystem::path& folder);

/// Two machines cannot have the same name, host port, or file that is written.
void check_together(const FleetSpec& fleet, const Node& machines, Problems& problems);

/// Every class that is depended on is there, can be what is asked of it, and does not wait in turn.
/// `nodes` are those of the fleet's machines.
void check_dependencies(const FleetSpec& fleet, const std::vector<Node>& nodes, Problems& problems);

}  // namespace vmfleet::spec
