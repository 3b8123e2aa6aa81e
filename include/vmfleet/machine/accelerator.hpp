// SPDX-License-Identifier: MIT
// Which accelerator a machine really gets on this host.
#pragma once

#include <string>

#include <vmfleet/async/task.hpp>
#include <vmfleet/qemu/qemu_binary.hpp>

namespace vmfleet {

/// Whether KVM is fit for use, and why not.
struct KvmState {
  KvmState() = default;
  bool usable = false;
  std::string reason;  ///< "there is no /dev/kvm", "permission denied"…
};

/// Runs a guest of our own under KVM, with a time limit: a /dev/kvm that opens but does not work,
/// or is slower than emulation, is a real case. A guest that ran is remembered until the host boots
/// again or the binary changes, one that did not for ten minutes. Our guest is one for x86_64: on
/// other hosts a KVM that makes a machine is trusted. *Errors*: none; what goes wrong is the
/// reason.
Task<KvmState> probe_kvm(QemuBinary binary);

/// `wanted`, with `automatic` decided: KVM where it is fit for use and the guest's architecture is
/// the host's, else TCG. *Errors*: `host_unfit` when KVM was asked for and is not fit.
Task<Accelerator> decide_accelerator(Accelerator wanted, Arch arch, QemuBinary binary);

}  // namespace vmfleet
