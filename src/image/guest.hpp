// SPDX-License-Identifier: MIT
// Assembling the `tiny` guest out of a file source: a kernel and an initrd.
#pragma once

#include <array>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <image/kernel_modules.hpp>
#include <image/package_tree.hpp>

namespace vmfleet::image {

/// What differs between architectures.
struct GuestArch {
  std::string_view name;                            ///< as QEMU calls it
  std::string_view debian;                          ///< as Debian's packages call it
  std::string_view triplet;                         ///< of the library folders
  std::string_view console;                         ///< the first serial port
  std::array<std::string_view, 2> kernel_packages;  ///< Debian's and Ubuntu's newest one
};

/// *Errors*: `invalid_config` for an architecture that `tiny` is not made for.
const GuestArch& guest_arch(std::string_view name);

/// The modules that the guest can use, with their dependencies.
const std::vector<std::string>& guest_modules();

/// Where each module of a kernel lies in its source.
using ModulePaths = std::map<std::string, std::string>;

struct LoadedModules {
  ModuleInfos infos;
  std::map<std::string, std::string> contents;  ///< unpacked
  std::set<std::string> missing;                ///< dependencies that `paths` does not have
};

/// Reads `roots`, as far as they are there, and all that they depend on.
LoadedModules load_modules(const FileSource& source, const ModulePaths& paths,
                           const std::vector<std::string>& roots);

/// The initrd of the guest. Programs that the source lacks are left out, but busybox.
/// *Errors*: `not_found` when busybox or a library is missing.
std::string build_guest_initrd(const FileSource& source, const LoadedModules& modules,
                               const std::string& kernel_version, const GuestArch& arch);

/// Whether the source has a program for the guest.
bool guest_has(const FileSource& source, std::string_view program);

/// Changes whenever a guest made of the same packages would differ.
std::string recipe_hash();

}  // namespace vmfleet::image
