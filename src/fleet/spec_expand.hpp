// SPDX-License-Identifier: MIT
// Placeholders in a whole tree. Private to this room.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <vmfleet/fleet/fleet_spec.hpp>

#include "fleet/spec_node.hpp"

namespace vmfleet::spec {

/// Every string value in it; keys stay as they are.
void expand_all(Node& node, const Placeholders& values);

/// `name`, `port:web`… of what looks like a placeholder in this text.
std::vector<std::string> placeholders_in(std::string_view text);

}  // namespace vmfleet::spec
