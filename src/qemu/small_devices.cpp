// SPDX-License-Identifier: MIT
// Entropy, generation id, panic reports, chosen exit status, firmware tables.
#include "qemu/parts.hpp"

namespace vmfleet::qemu {
namespace {

void add_rng(OptionList& options, const MachineConfig& config) {
  json::Object source;
  source.set("qom-type", "rng-builtin").set("id", "rng0");
  options.json("-object", source);
  json::Object device;
  device.set("driver", virtio_driver("virtio-rng", config)).set("rng", "rng0");
  options.json("-device", device);
}

void add_device(OptionList& options, const char* driver) {
  json::Object device;
  device.set("driver", driver);
  options.json("-device", device);
}

void add_debug_exit(OptionList& options, bool x86) {
  if (!x86) {
    // To a debugger that is not there go the requests to open files of this host.
    options.keyed("-semihosting-config", "",
                  {{"enable", "on"}, {"target", "gdb"}, {"userspace", "on"}});
    return;
  }
  json::Object device;
  device.set("driver", "isa-debug-exit").set("iobase", 0xf4).set("iosize", 4);
  options.json("-device", device);
}

void add_fw_cfg(OptionList& options, const FwCfg& entry) {
  if (entry.file.empty()) {
    options.keyed("-fw_cfg", "", {{"name", entry.name}, {"string", entry.text}});
  } else {
    options.keyed("-fw_cfg", "", {{"name", entry.name}, {"file", entry.file}});
  }
}

}  // namespace

void add_small_devices(OptionList& options, const MachineConfig& config) {
  const bool x86 = config.arch == Arch::x86_64;
  const bool pci = virtio_bus(config) == Bus::pci;
  if (config.rng) add_rng(options, config);
  if (config.vmgenid && x86 && pci) {
    json::Object device;
    device.set("driver", "vmgenid").set("guid", "auto").set("id", "vmgenid0");
    options.json("-device", device);
  }
  if (config.pvpanic && pci) add_device(options, "pvpanic-pci");
  if (config.pvpanic && x86 && !pci) add_device(options, "pvpanic");
  if (config.debug_exit) add_debug_exit(options, x86);
  for (const FwCfg& entry : config.fw_cfg) add_fw_cfg(options, entry);
  for (const std::string& text : config.smbios_strings) {
    options.keyed("-smbios", "type=11", {{"value", text}});
  }
}

}  // namespace vmfleet::qemu
