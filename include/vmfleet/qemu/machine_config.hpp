// SPDX-License-Identifier: MIT
// MachineConfig: everything that decides QEMU's command line, as plain data.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <vmfleet/base/json.hpp>
#include <vmfleet/base/units.hpp>
#include <vmfleet/qemu/arch.hpp>
#include <vmfleet/qemu/device.hpp>
#include <vmfleet/qemu/disk.hpp>
#include <vmfleet/qemu/features.hpp>
#include <vmfleet/qemu/injection.hpp>
#include <vmfleet/qemu/net.hpp>
#include <vmfleet/qemu/share.hpp>

namespace vmfleet {

/// A file that the guest reads through QEMU's firmware configuration device.
struct FwCfg {
  FwCfg() = default;

  std::string name;  ///< `opt/…`, at most 55 bytes
  std::string file;  ///< absolute; keeps the content out of the argument list
  std::string text;  ///< when there is no file

  bool operator==(const FwCfg&) const = default;
};

/// Guest memory in a file: how a template shares its pages with its clones.
struct MemoryFile {
  MemoryFile() = default;

  std::string path;
  bool shared = false;  ///< writes reach the file (the template); else they stay private (a clone)

  bool operator==(const MemoryFile&) const = default;
};

enum class OnPanic { exit, pause };
enum class OnReboot { reset, exit };

struct MachineConfig {
  MachineConfig() = default;

  std::string fleet;
  std::string name;
  std::string uuid;
  /// Only machines with the same one can share a LAN. Empty: the launch makes it of the user and
  /// the state root, so that fleets of one name do not meet.
  std::string lan_scope;

  Arch arch = Arch::x86_64;
  std::string qemu;  ///< the binary; empty: `qemu-system-<arch>`
  QemuFeatures features;
  Accelerator accel = Accelerator::automatic;
  std::string machine;  ///< `TYPE[,PROPERTY=VALUE…]`; empty: q35, or virt on aarch64
  std::string cpu;      ///< `MODEL[,PROPERTY=VALUE…]`; empty: max, emulated arm: cortex-a53
  unsigned cpus = 1;
  Bytes memory = Bytes::mebi(256);
  std::optional<MemoryFile> memory_file;

  // Every path is absolute: QEMU runs in an empty directory.
  std::string kernel;
  bool kernel_cache = true;  ///< a compressed kernel boots as its unpacked copy, where it can
  std::string initrd;
  std::vector<std::string> append;  ///< joined with spaces; see `kernel_arguments`
  bool append_defaults = true;      ///< for kernels that read them as Linux does
  /// The rate of the processor's clock, told to a kernel that could not measure it; comes with the
  /// launch, where the machine needs that.
  std::optional<unsigned> tsc_khz;
  std::string bios;

  std::vector<Disk> disks;
  std::vector<Net> nets;
  std::vector<Share> shares;
  std::vector<Injection> injections;
  std::vector<FwCfg> fw_cfg;
  std::vector<std::string> smbios_strings;  ///< SMBIOS type 11: readable in sysfs, by root
  bool rng = true;      ///< a device, and 32 random bytes as fw_cfg file `opt/vmfleet/entropy`
  bool vmgenid = true;  ///< where the machine type has it
  bool agent = true;    ///< the port of the guest agent
  /// A port like the agent's, on which a clone is given its identity; needs the agent's.
  bool identity_port = false;
  bool pvpanic = true;
  /// The guest chooses QEMU's exit status: by isa-debug-exit at port 0xf4 ((value << 1) | 1), on
  /// aarch64 by semihosting's SYS_EXIT (the value itself; emulation only, and no access to files).
  bool debug_exit = false;
  std::vector<DeviceParts> devices;       ///< see `attach`
  std::map<int, std::string> exit_codes;  ///< QEMU's exit status → "success" or the user's word

  OnPanic on_panic = OnPanic::exit;
  OnReboot on_reboot = OnReboot::reset;
  bool incoming = false;               ///< waits for `migrate-incoming`
  bool paused = false;                 ///< stays at its first instruction after the launch
  std::string gdb;                     ///< `PORT`, `ADDRESS:PORT` or `unix:/PATH`; empty: no stub
  std::vector<std::string> qemu_args;  ///< passed on as they are, last

  /// Adds a device, as it suits architecture and machine type: set these first.
  template <Device T>
  MachineConfig& attach(const T& device) {
    devices.push_back(device.parts(*this));
    return *this;
  }

  bool operator==(const MachineConfig&) const = default;
};

/// `config.machine`, or the default of its architecture.
std::string machine_type(const MachineConfig& config);
/// How virtio devices are attached.
enum class Bus { pci, mmio };
Bus virtio_bus(const MachineConfig& config);
/// `virtio-blk` → `virtio-blk-pci`, or `virtio-blk-device` where there is no PCI.
std::string virtio_driver(std::string_view kind, const MachineConfig& config);

/// Of an interface: its own, or what is derived.
std::string mac_of(const MachineConfig& config, std::size_t index);

/// What the user decides, defaults left out, in a fixed order: the same machine gives the same
/// text. `uuid`, `lan_scope`, `tsc_khz` and `features` are not part of it: they come with the
/// launch and the host.
json::Object describe(const MachineConfig& config);

}  // namespace vmfleet
