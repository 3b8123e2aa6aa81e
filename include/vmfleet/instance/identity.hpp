// SPDX-License-Identifier: MIT
// Identity: which process is this machine's QEMU, proven by what only it can hold.
#pragma once

#include <optional>

#include <vmfleet/instance/instance_directory.hpp>
#include <vmfleet/io/pidfd.hpp>

namespace vmfleet {

/// The process that holds the directory's pid-file lock or its `alive` file, held by descriptor and
/// proven again after that; nullopt when none does. Numbers stored in files are never believed.
/// *Source*: fcntl(2) F_GETLK names the holder of QEMU's pid-file lock; proc(5), /proc/PID/fd.
std::optional<Pidfd> find_qemu(const InstanceDirectory& directory);

}  // namespace vmfleet
