// SPDX-License-Identifier: MIT
// Facts of the host that explain how machines do on it.
#pragma once

#include <filesystem>

#include <vmfleet/base/json.hpp>

namespace vmfleet::cli {

/// Kernel, distribution, processors, memory, load, limits, the file systems of state and cache, and
/// the variables that vmfleet goes by. No names of the host or its user. Blocking, but short.
json::Object host_facts(const std::filesystem::path& state_root,
                        const std::filesystem::path& cache_root);

}  // namespace vmfleet::cli
