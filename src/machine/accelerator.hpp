// SPDX-License-Identifier: MIT
// Which accelerator `auto` means on this host. Private to this room.
#pragma once

#include <vmfleet/async/task.hpp>
#include <vmfleet/qemu/qemu_binary.hpp>

namespace vmfleet {

/// KVM when a guest of our own really runs under it, decided once per boot of the host; else TCG.
Task<Accelerator> decide_accelerator(QemuBinary binary);

}  // namespace vmfleet
