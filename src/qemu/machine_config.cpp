// SPDX-License-Identifier: MIT
// MachineConfig: defaults that depend on other fields.
#include <vmfleet/qemu/machine_config.hpp>

namespace vmfleet {

std::string machine_type(const MachineConfig& config) {
  if (!config.machine.empty()) return config.machine;
  if (config.arch == Arch::x86_64) return "q35";
  // KVM offers the interrupt controller that the host has.
  return config.accel == Accelerator::kvm ? "virt,gic-version=host" : "virt,gic-version=3";
}

Bus virtio_bus(const MachineConfig& config) {
  return config.machine.rfind("microvm", 0) == 0 ? Bus::mmio : Bus::pci;
}

std::string virtio_driver(std::string_view kind, const MachineConfig& config) {
  return std::string(kind) + (virtio_bus(config) == Bus::pci ? "-pci" : "-device");
}

}  // namespace vmfleet
