// SPDX-License-Identifier: MIT
// Kernel images: telling them apart, and unpacking them, since an unpacked one boots much faster.
#pragma once

#include <string>
#include <string_view>

#include <vmfleet/base/result.hpp>

namespace vmfleet {

enum class KernelFormat {
  bzimage,     ///< x86: boot code with the compressed ELF inside
  elf,         ///< x86: the unpacked kernel
  arm64,       ///< arm64: the unpacked `Image`
  compressed,  ///< a whole image, compressed (arm64 `Image.gz`)
  unknown,
};

/// By the first bytes; the rest may still be damaged.
KernelFormat kernel_format(std::string_view file) noexcept;

/// The kernel as QEMU boots it fastest: the ELF out of a bzImage, the `Image` out of an
/// `Image.gz`; what is unpacked already comes back as it is.
///
/// *Errors*: `corrupt` (cut short, wrong size after unpacking), `invalid_config` (no kernel, or a
/// bzImage from before boot protocol 2.08), `host_unfit` (a compression that libarchive lacks).
/// *Source*: Linux Documentation/x86/boot.rst and Documentation/arm64/booting.rst.
Result<std::string> unpack_kernel(std::string_view file);

}  // namespace vmfleet
