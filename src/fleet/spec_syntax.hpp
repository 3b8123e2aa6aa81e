// SPDX-License-Identifier: MIT
// The two languages of a fleet file, read into the same tree.
#pragma once

#include <string>
#include <string_view>

#include "fleet/spec_node.hpp"

namespace vmfleet::spec {

/// *Errors*: throws `invalid_config` with file, line and column of the first mistake in the syntax.
Node read_toml(std::string_view text, const std::string& origin);
Node read_json(std::string_view text, const std::string& origin);

}  // namespace vmfleet::spec
