// SPDX-License-Identifier: MIT
// build_command_line: the machine itself; its devices are in the files named after them.
#include <vmfleet/qemu/command_line.hpp>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>
#include <vmfleet/qemu/injected_files.hpp>

#include "qemu/parts.hpp"
#include "qemu/syntax.hpp"

namespace vmfleet {
namespace {

using qemu::OptionList;

void add_identity(OptionList& options, const MachineConfig& config) {
  options.keyed("-name", "", {{"guest", config.name}, {"debug-threads", "on"}});
  if (!config.uuid.empty()) options.plain("-uuid", config.uuid);
}

void add_confinement(OptionList& options, const MachineConfig& config) {
  if (!config.features.sandbox) return;
  options.plain("-sandbox",
                "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
}

std::string cpu_model(const MachineConfig& config) {
  if (!config.cpu.empty()) return config.cpu;
  // Emulating what `max` has more costs a boot a third (pointer authentication, wide vectors), and
  // five seconds with the real authentication algorithm.
  const bool emulated = config.accel != Accelerator::kvm;
  return config.arch == Arch::aarch64 && emulated ? "cortex-a53" : "max";
}

std::string memory_size(Bytes memory) {
  const std::string text = to_string(memory);
  // Without a unit QEMU would read mebibytes.
  return text.find_first_not_of("0123456789") == std::string::npos ? text + "B" : text;
}

void add_machine(OptionList& options, const MachineConfig& config) {
  std::string machine = machine_type(config);
  if (config.memory_file) machine += ",memory-backend=ram0";
  options.plain("-machine", machine);
  options.plain("-accel", config.accel == Accelerator::kvm ? "kvm" : "tcg");
  options.plain("-cpu", cpu_model(config));
  options.plain("-smp", std::to_string(config.cpus));
  options.plain("-m", memory_size(config.memory));
  if (!config.memory_file) return;
  json::Object file;
  file.set("qom-type", "memory-backend-file");
  file.set("id", "ram0");
  file.set("size", config.memory.count());
  file.set("mem-path", config.memory_file->path);
  file.set("share", config.memory_file->shared);
  options.json("-object", file);
}

void add_firmware_and_kernel(OptionList& options, const MachineConfig& config, const Wires& wires) {
  if (!config.bios.empty()) options.plain("-bios", config.bios);
  if (config.kernel.empty()) return;
  options.plain("-kernel", kernel_path(config, wires.directory).string());
  const std::string initrd = initrd_path(config, wires.directory).string();
  if (!initrd.empty()) options.plain("-initrd", initrd);
  const std::string words = join(kernel_arguments(config), " ");
  if (!words.empty()) options.plain("-append", words);
}

void add_lifecycle(OptionList& options, const MachineConfig& config) {
  // A panic is never a success, also for one who sees nothing but the exit status.
  options.keyed("-action", "",
                {{"reboot", config.on_reboot == OnReboot::exit ? "shutdown" : "reset"},
                 {"shutdown", "poweroff"},
                 {"panic", config.on_panic == OnPanic::pause ? "pause" : "exit-failure"}});
  options.flag("-S");
  if (config.incoming) options.plain("-incoming", "defer");
  if (config.gdb.empty()) return;
  const qemu::GdbAddress gdb(config.gdb);
  const std::string target = qemu::double_commas(gdb.target);
  options.plain("-gdb", gdb.socket ? fmt::format("unix:{},server=on,wait=off", target)
                                   : fmt::format("tcp:{}", target));
}

}  // namespace

CommandLine build_command_line(const MachineConfig& config, const Wires& wires) {
  OptionList options(config.qemu.empty() ? fmt::format("qemu-system-{}", to_string(config.arch))
                                         : config.qemu);
  add_identity(options, config);
  options.flag("-nodefaults");
  options.flag("-no-user-config");
  add_confinement(options, config);
  add_machine(options, config);
  options.plain("-display", "none");
  options.plain("-vga", "none");
  add_firmware_and_kernel(options, config, wires);
  add_wires(options, config, wires);
  add_disks(options, config, wires);
  add_cloud_disk(options, config, wires);
  add_nets(options, config);
  add_shares(options, config);
  add_small_devices(options, config);
  add_injections(options, config, wires);
  for (const DeviceParts& device : config.devices) options.words(device.arguments);
  add_lifecycle(options, config);
  options.words(config.qemu_args);
  return std::move(options).take();
}

}  // namespace vmfleet
