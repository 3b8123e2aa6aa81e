// SPDX-License-Identifier: MIT
// ISO 9660 images of a few small files.
#pragma once

#include <map>
#include <string>

#include <vmfleet/base/error.hpp>

namespace vmfleet::image {

/// An image with this volume id and these files in its root, by name; with Rock Ridge and Joliet,
/// so that every guest sees the names as they are.
std::string make_iso(const std::string& volume, const std::map<std::string, std::string>& files);

}  // namespace vmfleet::image
