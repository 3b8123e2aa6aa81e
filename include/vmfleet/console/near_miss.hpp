// SPDX-License-Identifier: MIT
// near_miss: the line that comes nearest to what was waited for, to explain a wait that failed.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include <vmfleet/console/pattern.hpp>

namespace vmfleet::console {

struct NearMiss {
  std::string line;
  /// Inserted, deleted or changed bytes between the pattern and the most similar part of the line,
  /// upper and lower case being equal.
  std::size_t edits = 0;
};

/// The most similar of `lines`, the latest when several are; nothing when none is near. Of a
/// regular expression its longest literal part is compared.
///
/// The first 128 bytes of the pattern and 512 of each line are looked at.
std::optional<NearMiss> near_miss(const Pattern& pattern, std::span<const std::string> lines);

}  // namespace vmfleet::console
