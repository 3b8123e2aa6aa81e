// SPDX-License-Identifier: MIT
// Unpacked kernels for those machines that boot them.
#include "machine/boot_kernel.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include <vmfleet/base/error.hpp>
#include <vmfleet/image/image_store.hpp>
#include <vmfleet/image/kernel_image.hpp>

namespace vmfleet {

namespace {

/// Firmware of the user's own, or memory that only he can read: a boot in ways of its own.
bool boots_its_own_way(std::string_view words) {
  constexpr std::array<std::string_view, 4> kSigns = {"bios", "pflash", "firmware", "confidential"};
  return std::any_of(kSigns.begin(), kSigns.end(), [&](std::string_view sign) {
    return words.find(sign) != std::string_view::npos;
  });
}

}  // namespace

bool boots_unpacked_kernels(const MachineConfig& config) {
  if (config.kernel.empty() || !config.bios.empty()) return false;
  const std::string machine = machine_type(config);
  const bool own_way = boots_its_own_way(machine) ||
                       std::any_of(config.qemu_args.begin(), config.qemu_args.end(),
                                   [](const auto& word) { return boots_its_own_way(word); });
  if (own_way) return false;
  if (config.arch != Arch::x86_64) return true;
  const std::string type = machine.substr(0, machine.find(','));
  return type == "q35" || type == "pc" || type == "microvm" || type.rfind("pc-", 0) == 0;
}

Task<void> choose_boot_kernel(MachineConfig& config,
                              const std::function<void(std::string_view)>& warn) {
  if (!config.kernel_cache || !boots_unpacked_kernels(config)) co_return;
  std::optional<Error> problem;
  try {
    const auto kernel = co_await unpacked_kernel(config.kernel, default_cache_root());
    config.kernel = kernel.string();
  } catch (const Error& error) {
    problem = error;
  }
  if (!problem || !warn) co_return;
  warn(fmt::format("{}: it boots as it is, and later; kernel_cache = false says nothing of it",
                   problem->message()));
}

}  // namespace vmfleet
