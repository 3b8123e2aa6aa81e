// SPDX-License-Identifier: MIT
// Kernel images: telling them apart, and unpacking them, since an unpacked one boots much faster.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <vmfleet/async/task.hpp>
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

/// Whether QEMU's `-kernel` takes this unpacked kernel: an arm64 `Image`, or an x86 ELF file with
/// a PVH entry. *Source*: QEMU docs/specs, the Xen note of type 18 (XEN_ELFNOTE_PHYS32_ENTRY).
bool boots_unpacked(std::string_view kernel) noexcept;

/// The file to boot in place of `kernel`: its unpacked copy in the cache below `cache_root`, made
/// when it is first needed, by one process at a time; `kernel` itself when that is as good, or when
/// nothing can be said against it but that it does not boot unpacked. A file that changes has
/// another copy. Of each the time of its last use is kept, as its modification time.
///
/// *Errors*: `not_found`; `corrupt`; `host_unfit` (a compression that libarchive lacks);
/// `unavailable` (the disk is full…). *Cancellation*: an unpacking under way is waited for.
Task<std::filesystem::path> unpacked_kernel(std::filesystem::path kernel,
                                            std::filesystem::path cache_root);

}  // namespace vmfleet
