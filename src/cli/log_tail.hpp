// SPDX-License-Identifier: MIT
// The end of a log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>

namespace vmfleet::cli {

/// Where the last `lines` lines of a file begin; 0 when it has fewer, or does not exist.
std::uint64_t offset_of_last_lines(const std::filesystem::path& path, std::size_t lines);

}  // namespace vmfleet::cli
