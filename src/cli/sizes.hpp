// SPDX-License-Identifier: MIT
// Sizes for people.
#pragma once

#include <string>

#include <vmfleet/base/units.hpp>

namespace vmfleet::cli {

/// In tenths of the largest unit: `1.4M`.
std::string rounded(Bytes size);

}  // namespace vmfleet::cli
