// SPDX-License-Identifier: MIT
// guest_path: tiny guests that boot in milliseconds, for tests with a real QEMU.
#pragma once

#include <filesystem>
#include <string_view>

namespace vmfleet::testkit {

/// The kernel file of a tiny guest, for `-kernel` on pc, q35 and microvm (x86_64) or virt
/// (aarch64), with 32 MiB of memory or more. It talks on the first serial port. What
/// follows `-- ` in its `-append` is its argument: the words before it are for kernels.
///
/// | guest | what it does |
/// |---|---|
/// | marker | prints `vmfleet: guest ready` and halts |
/// | echo | the ready line, then returns every byte that it is sent |
/// | login | `login: `, reads a line, `welcome NAME`, again |
/// | flood | `line 00000000`…, without a pause; as many as the argument says, then the ready line |
/// | count | the ready line, then `count 00000000`… every 10 ms, or as many as the argument says |
/// | late | silent for 300 ms, or as many as the argument says, then the ready line |
/// | say | its argument, then the ready line |
/// | hang, halt | nothing: spins, or halts |
/// | reset, triple_fault | `vmfleet: guest resets` or `faults`, and does, for ever |
/// | poweroff | the ready line, then switches off |
/// | button | the ready line; switches off when its power button is pressed (pc, q35, virt) |
/// | exit_code | the ready line, then exits with the argument, or 16: isa-debug-exit at 0xf4, on
/// |           | aarch64 semihosting |
/// | panic | what a Linux kernel prints; tells a pvpanic device |
///
/// microvm has no interval timer behind port 0x61, so count and late do not wait there, and reset
/// does not reset. aarch64 has no login, flood, count and triple_fault.
/// *Errors*: `not_found`.
std::filesystem::path guest_path(std::string_view name, std::string_view arch = "x86_64");

}  // namespace vmfleet::testkit
