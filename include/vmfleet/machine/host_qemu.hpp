// SPDX-License-Identifier: MIT
// The QEMU that machines of this host run with.
#pragma once

#include <string_view>

#include <vmfleet/qemu/qemu_binary.hpp>

namespace vmfleet {

/// `QemuBinary::probe`, with the answers kept in the cache folder of the user.
/// *Threads*: blocks while QEMU starts; call it through `offload`. *Errors*: `host_unfit`.
Result<QemuBinary> find_host_qemu(std::string_view wanted, Arch arch);

}  // namespace vmfleet
