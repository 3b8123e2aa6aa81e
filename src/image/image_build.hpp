// SPDX-License-Identifier: MIT
// One build of the `tiny` image, from its sources to its folder in the store.
#pragma once

#include <filesystem>
#include <string>

#include <vmfleet/async/task.hpp>
#include <vmfleet/image/image_store.hpp>

namespace vmfleet::image {

/// What the names of the folders of unfinished builds, and of unfinished removals, begin with.
std::string unfinished_prefix(std::string_view arch);

/// Locked by who builds or removes an image of that name and architecture.
std::filesystem::path build_lock(const std::filesystem::path& directory, std::string_view name,
                                 std::string_view arch);

/// Builds in folders beside the final one, which appears by a rename. Under the build lock.
/// *Errors*: those of `ImageStore::build`. *Cancellation*: leaves nothing behind.
Task<Image> build_tiny(std::filesystem::path directory, BuildOptions options,
                       BuildProgress progress);

}  // namespace vmfleet::image
