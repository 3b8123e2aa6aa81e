// SPDX-License-Identifier: MIT
// What a console prints when a guest has crashed, hangs, or cannot boot.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace vmfleet::console {

enum class CrashKind {
  panic,          ///< the kernel gave up
  oops,           ///< the kernel made an error that it may survive in part
  no_root,        ///< no root file system
  no_init,        ///< no first program
  init_died,      ///< the first program ended
  out_of_memory,  ///< the kernel ran out of memory
  no_boot,        ///< the firmware or boot loader found nothing that it could start
  firmware,       ///< the firmware itself crashed
  emergency,      ///< the system stopped at a rescue shell
  reset_loop,     ///< the machine starts again and again
  lockup,         ///< a processor or task makes no progress
  disk_error,     ///< reading or writing a disk failed
  declared        ///< a line that the user named as a failure
};

std::string_view to_string(CrashKind kind) noexcept;

enum class Severity {
  warning,  ///< worth telling; the machine may still become ready
  fatal     ///< waiting longer makes no sense
};

struct CrashPattern {
  CrashKind kind;
  Severity severity;
  std::string regex;             ///< the beginning of a message; the rest of its line belongs to it
  std::string_view explanation;  ///< what it means and what to do, for the user
  /// When not empty, the next line has to match this: programs print such lines as well.
  std::string_view confirmed_by = {};
};

/// The default patterns, the more specific before the more general.
///
/// They judge the shape of a line, not words in it: messages begin a line or follow a kernel stamp.
/// *Source*: Linux (kernel/panic.c, mm/oom_kill.c, init/, arch/x86, arch/arm64), SeaBIOS, EDK2,
/// GRUB, U-Boot, TF-A, Zircon, Xen, the BSDs, illumos; the Linux ones were also provoked on 6.1.
std::span<const CrashPattern> crash_patterns();

/// The lines with which a machine begins: seen again, it was reset.
std::span<const std::string_view> boot_banners() noexcept;

/// A crash that was seen.
struct Crash {
  CrashKind kind = CrashKind::panic;
  Severity severity = Severity::fatal;
  std::uint64_t offset = 0;  ///< of the line, in the console stream
  std::string line;
  std::string explanation;
};

}  // namespace vmfleet::console
