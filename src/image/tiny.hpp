// SPDX-License-Identifier: MIT
// Making the `tiny` image out of packages or out of the host. Blocking, without coroutines.
#pragma once

#include <filesystem>
#include <vector>

#include <image/guest.hpp>
#include <vmfleet/image/image.hpp>

namespace vmfleet::image {

/// A finished image that lies nowhere yet.
struct BuiltImage {
  Image image;
  std::string kernel;
  std::string initrd;
};

/// *Errors*: `corrupt` naming the package, `not_found` naming what no package holds.
BuiltImage build_from_packages(const GuestArch& arch,
                               const std::vector<std::filesystem::path>& debs);

/// Uses the newest kernel below `root` that can be read and whose modules are there.
/// *Errors*: `host_unfit` saying what the host lacks.
BuiltImage build_from_host(const GuestArch& arch, const std::filesystem::path& root);

/// Writes kernel, initrd and image.json into `directory` and syncs them.
/// *Errors*: `unavailable` (the disk is full…).
void write_image(BuiltImage& built, const std::filesystem::path& directory);

}  // namespace vmfleet::image
