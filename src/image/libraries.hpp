// SPDX-License-Identifier: MIT
// The shared libraries that programs need, found by reading the programs.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <image/package_tree.hpp>

namespace vmfleet::image {

/// Contents by the path where the guest's dynamic linker looks for it.
using Libraries = std::map<std::string, std::string>;

/// The dynamic linkers and libraries that `programs` need, and those that these need.
///
/// `triplet` is Debian's name for the folder of an architecture, "x86_64-linux-gnu".
/// *Errors*: `not_found` naming the library and who needs it; `corrupt` when a program is no ELF.
Libraries find_libraries(const FileSource& source, const std::vector<std::string>& programs,
                         std::string_view triplet);

}  // namespace vmfleet::image
