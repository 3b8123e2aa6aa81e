// SPDX-License-Identifier: MIT
// Choosing machines by name. Private to this room.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vmfleet {

/// web-2 before web-10.
bool natural_less(std::string_view a, std::string_view b) noexcept;

/// The names that the patterns (globs, braces) mean, in the order of `names`; all when there are no
/// patterns. *Errors*: `not_found` for a pattern that means none, with the nearest name.
std::vector<std::string> select_names(const std::vector<std::string>& names,
                                      const std::vector<std::string>& patterns);

}  // namespace vmfleet
