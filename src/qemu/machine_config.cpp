// SPDX-License-Identifier: MIT
// MachineConfig: defaults that depend on other fields.
#include <vmfleet/qemu/machine_config.hpp>

namespace vmfleet {

std::string machine_type(const MachineConfig& config) {
  if (!config.machine.empty()) return config.machine;
  return config.arch == Arch::aarch64 ? "virt,gic-version=3" : "q35";
}

Bus virtio_bus(const MachineConfig& config) {
  return config.machine.rfind("microvm", 0) == 0 ? Bus::mmio : Bus::pci;
}

}  // namespace vmfleet
