// SPDX-License-Identifier: MIT
// Kernel modules: what each says about itself, and the order in which they load.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <vmfleet/base/result.hpp>

namespace vmfleet::image {

/// What a module's `.modinfo` says. Names are spelled with underscores, as the kernel does.
struct ModuleInfo {
  std::vector<std::string> depends;
  std::vector<std::string> aliases;
};

/// `virtio_rng` for `kernel/drivers/char/hw_random/virtio-rng.ko.xz`; "" for other files.
std::string module_name(std::string_view path);

/// *Errors*: `corrupt` when it is no ELF file or has no `.modinfo`.
Result<ModuleInfo> read_module_info(std::string_view elf);

using ModuleInfos = std::map<std::string, ModuleInfo>;

/// `roots` and all that they depend on, dependencies first; otherwise in the order of `roots`.
/// *Errors*: `not_found` naming the module that is missing; `corrupt` for a cycle.
Result<std::vector<std::string>> load_order(const ModuleInfos& modules,
                                            const std::vector<std::string>& roots);

/// The text of `modules.dep` for a folder that holds each of them as `NAME.ko`.
/// *Errors*: those of `load_order`.
Result<std::string> modules_dep(const ModuleInfos& modules);

/// The text of `modules.alias`, from which the kernel's own requests (`fs-9p`) are served.
std::string modules_alias(const ModuleInfos& modules);

}  // namespace vmfleet::image
