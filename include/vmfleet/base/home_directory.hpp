// SPDX-License-Identifier: MIT
// home_directory: where what belongs to the user is kept.
#pragma once

#include <filesystem>
#include <optional>

namespace vmfleet {

/// HOME when that is an absolute path, else what the user database says. Nothing when neither does.
std::optional<std::filesystem::path> home_directory();

}  // namespace vmfleet
