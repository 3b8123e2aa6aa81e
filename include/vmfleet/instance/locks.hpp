// SPDX-License-Identifier: MIT
// The two locks of an instance directory: who works on the machine, and whether QEMU lives.
#pragma once

#include <optional>
#include <string>

#include <vmfleet/async/task.hpp>
#include <vmfleet/base/unique_fd.hpp>
#include <vmfleet/base/units.hpp>
#include <vmfleet/instance/instance_directory.hpp>

namespace vmfleet {

/// Held by the command that changes the machine (up, stop, down). Released when destroyed, and by
/// the kernel when its holder dies.
class OperationLock {
 public:
  /// *Errors*: `conflict`, saying which process holds it.
  static OperationLock acquire(const InstanceDirectory& directory);
  /// The same without blocking the loop, for `patience` at most.
  static Task<OperationLock> obtain(const InstanceDirectory& directory, Milliseconds patience);
  /// Whether some command holds it now. *Errors*: when that cannot be found out.
  static bool held(const InstanceDirectory& directory);

 private:
  explicit OperationLock(UniqueFd fd) noexcept : fd_(std::move(fd)) {}
  static OperationLock sign(UniqueFd fd, const InstanceDirectory& directory);
  UniqueFd fd_;
};

/// The number of the `alive` file among QEMU's descriptors.
inline constexpr int kAliveDescriptor = 7;

/// Takes the `alive` lock for QEMU to inherit: the lock belongs to the open file, so it lasts
/// exactly as long as the last process that has it, and cannot be left behind. *Errors*: `conflict`
/// when QEMU lives.
UniqueFd lock_alive(const InstanceDirectory& directory);
/// Whether QEMU (or the command that is just starting it) lives: `alive` is locked, or else QEMU's
/// own pid file, as whoever clears temporary folders may have removed the former. *Errors*: when
/// that cannot be found out, for want of descriptors for example: what may live is not taken for
/// dead.
bool is_alive(const InstanceDirectory& directory);
/// Waits until QEMU lives no more; false when it still does then. Of a QEMU that is just ending
/// nothing else tells: its process has let go of most files, and a last thread keeps `alive`.
Task<bool> await_death(const InstanceDirectory& directory, Milliseconds patience);

}  // namespace vmfleet
