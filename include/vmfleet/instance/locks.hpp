// SPDX-License-Identifier: MIT
// The two locks of an instance directory: who works on the machine, and whether QEMU lives.
#pragma once

#include <optional>
#include <string>

#include <vmfleet/base/unique_fd.hpp>
#include <vmfleet/instance/instance_directory.hpp>

namespace vmfleet {

/// Held by the command that changes the machine (up, stop, down). Released when destroyed, and by
/// the kernel when its holder dies.
class OperationLock {
 public:
  /// *Errors*: `conflict`, saying which process holds it.
  static OperationLock acquire(const InstanceDirectory& directory);
  /// Whether some command holds it now.
  static bool held(const InstanceDirectory& directory);

 private:
  explicit OperationLock(UniqueFd fd) noexcept : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

/// Takes the `alive` lock for QEMU to inherit: the lock belongs to the open file, so it lasts
/// exactly as long as the last process that has it, and cannot be left behind. *Errors*: `conflict`
/// when QEMU lives.
UniqueFd lock_alive(const InstanceDirectory& directory);
/// Whether QEMU (or the command that is just starting it) lives.
bool is_alive(const InstanceDirectory& directory);

}  // namespace vmfleet
