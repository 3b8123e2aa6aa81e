// SPDX-License-Identifier: MIT
// The log keeper: a small process beside QEMU that bounds what its logs take on the disk.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <vmfleet/base/units.hpp>
#include <vmfleet/instance/instance_directory.hpp>
#include <vmfleet/io/process.hpp>

namespace vmfleet {

/// Less cannot be bounded: a block is freed as a whole, and a guest prints on meanwhile.
inline constexpr Bytes kLeastLogLimit(64 * 1024);

/// Starts the keeper of the directory's logs; it ends with QEMU. Of each log it leaves at least the
/// last `limit` bytes, and an eighth more at most, with what is written within 20 ms; the part
/// before becomes a hole. When there is one already, the new one ends at once.
///
/// *Errors*: `unavailable` when the host cannot do that: the file system frees no parts of files,
/// or the kernel announces no changes of folders. *Source*: fallocate(2), fcntl(2) F_NOTIFY.
Process start_log_keeper(Loop& loop, const InstanceDirectory& directory, const Pidfd& qemu,
                         Bytes limit, bool dies_with_owner);

/// The keeper that works now, proven by the lock that it holds.
std::optional<Pidfd> find_log_keeper(const InstanceDirectory& directory);

/// After QEMU's end: returns when its keeper is gone too; one that does not end is killed.
/// *Errors*: none; one that does not even end then is left, since nothing waits for it.
Task<void> end_log_keeper(const InstanceDirectory& directory);
/// The same of a child, which its owner reaps afterwards.
Task<void> end_log_keeper(const Pidfd& keeper);

/// Why logs cannot be bounded in this folder; nullopt when they can. Blocking.
std::optional<Error> log_limit_problem(int folder);

/// A moment when there was no room on the disk for more of the serial log.
struct FullDisk {
  std::uint64_t offset = 0;  ///< what the guest wrote next is missing: it would stand here
  std::int64_t at_ms = 0;    ///< since the epoch
};

/// For people.
std::string to_string(const FullDisk& full);

/// In the order of time; at most about a hundred are noted, and only while a keeper works.
std::vector<FullDisk> read_full_disks(const InstanceDirectory& directory);

}  // namespace vmfleet
