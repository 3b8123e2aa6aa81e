// SPDX-License-Identifier: MIT
// Arch and Accelerator: what executes the guest's instructions.
#pragma once

#include <string_view>

#include <vmfleet/base/result.hpp>

namespace vmfleet {

enum class Arch { x86_64, aarch64 };

/// The name in `qemu-system-<arch>`.
std::string_view to_string(Arch arch) noexcept;
/// `x86_64` (`x64`, `amd64`), `aarch64` (`arm64`). *Errors*: `invalid_config`, naming the nearest.
Result<Arch> parse_arch(std::string_view word);

enum class Accelerator {
  automatic,  ///< to be decided on the host; a command line built from it uses TCG, which works
              ///< everywhere
  kvm,
  tcg,
};

/// `auto`, `kvm`, `tcg`.
std::string_view to_string(Accelerator accelerator) noexcept;
Result<Accelerator> parse_accelerator(std::string_view word);

}  // namespace vmfleet
