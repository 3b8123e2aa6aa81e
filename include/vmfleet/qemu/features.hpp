// SPDX-License-Identifier: MIT
// QemuFeatures: what differs between QEMU builds and changes the command line.
#pragma once

namespace vmfleet {

/// The defaults are those of the oldest supported build with everything compiled in.
struct QemuFeatures {
  QemuFeatures() = default;

  bool sandbox = true;              ///< built with seccomp
  bool chardev_input_path = false;  ///< `-chardev file,input-path=` (7.2 refuses it)

  bool operator==(const QemuFeatures&) const = default;
};

}  // namespace vmfleet
