// SPDX-License-Identifier: MIT
// Identity: which process is this machine's QEMU, proven by what only it can hold.
#pragma once

#include <sys/types.h>

#include <optional>

#include <vmfleet/instance/instance_directory.hpp>
#include <vmfleet/io/pidfd.hpp>

namespace vmfleet {

/// The process that holds the directory's pid-file lock, or else the one that has inherited the
/// locked `alive` file and does not work on the machine itself; held by descriptor and proven again
/// after that; nullopt when there is none. Numbers stored in files are never believed.
/// *Source*: fcntl(2) F_GETLK names the holder of QEMU's pid-file lock; proc(5), /proc/PID/fd and
/// /proc/PID/fdinfo, the latter with the locks of the open file.
std::optional<Pidfd> find_qemu(const InstanceDirectory& directory);

/// Who holds QEMU's lock on the pid file; nullopt when nobody does. *Errors*: when that cannot be
/// found out: what may live is not taken for dead.
std::optional<pid_t> pid_file_holder(const InstanceDirectory& directory);

/// Whether this process is the directory's QEMU now. Ask again, holding the operation lock, before
/// sending a signal to a process that was found without it.
bool is_qemu_of(const InstanceDirectory& directory, const Pidfd& process);

}  // namespace vmfleet
