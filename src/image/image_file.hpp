// SPDX-License-Identifier: MIT
// The image.json of an image's folder.
#pragma once

#include <filesystem>
#include <optional>

#include <vmfleet/image/image.hpp>

namespace vmfleet::image {

inline constexpr const char* kImageFile = "image.json";
inline constexpr const char* kKernelFile = "vmlinux";
inline constexpr const char* kInitrdFile = "initrd";

/// Writes it into `image.directory`, with the sizes of the files beside it.
void save_image(const Image& image);

/// The image in a folder, or nothing when it is not whole: no readable image.json, a file missing,
/// or one of another size than it had when it was built. *Errors*: `unavailable` (no descriptors).
std::optional<Image> load_image(const std::filesystem::path& directory);

}  // namespace vmfleet::image
