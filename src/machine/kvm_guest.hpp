// SPDX-License-Identifier: MIT
// A guest of 29 bytes that finds out whether KVM really works. Private to this room.
#pragma once

#include <string>

namespace vmfleet {

/// QEMU's exit status when the guest has run to its end.
inline constexpr int kKvmGuestExit = (0x10 << 1) | 1;

/// An ELF file for `-kernel`: writes 2000 bytes to the serial port, then ends QEMU through
/// isa-debug-exit at port 0xf4.
std::string kvm_guest();

}  // namespace vmfleet
