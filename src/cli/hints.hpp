// SPDX-License-Identifier: MIT
// Commands in hints, as they can be pasted.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace vmfleet::cli {

/// `vmfleet logs vm-0` becomes `vmfleet -p demo logs vm-0`, wherever the text names one of the
/// commands and does not only ask for its help.
std::string with_options(std::string_view text, const std::string& options,
                         const std::set<std::string>& commands);

}  // namespace vmfleet::cli
