// SPDX-License-Identifier: MIT
// Sizes for people.
#include "cli/sizes.hpp"

#include <string_view>

#include <fmt/format.h>

namespace vmfleet::cli {

std::string rounded(Bytes size) {
  constexpr std::string_view kUnits = "KMGT";
  auto count = static_cast<double>(size.count()) / 1024;
  std::size_t unit = 0;
  for (; count >= 1024 && unit + 1 < kUnits.size(); ++unit) count /= 1024;
  return fmt::format("{:.1f}{}", count, kUnits[unit]);
}

}  // namespace vmfleet::cli
