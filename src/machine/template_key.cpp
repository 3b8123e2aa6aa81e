// SPDX-License-Identifier: MIT
// Which machines can be cloned, and which from the same template.
#include <algorithm>
#include <filesystem>
#include <string>

#include <fmt/format.h>

#include <vmfleet/base/error.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/io/files.hpp>
#include <vmfleet/machine/host_qemu.hpp>
#include <vmfleet/machine/template.hpp>

#include "machine/lan_identity.hpp"
#include "machine/live.hpp"
#include "machine/staged_record.hpp"

namespace vmfleet {

namespace {

// How a template is made: a change makes all that were kept useless.
constexpr int kRecipe = 4;

/// Of a large file: the saved memory holds what was read of it. Another content has another time,
/// of which nobody can set back the second.
json::Value stamp_of(const std::string& path) {
  if (path.empty()) return {};
  const FileStamp stamp = FileStamp::of(path);
  return fmt::format("{} {} {} {}", stamp.size, stamp.changed_ns, stamp.inode, stamp.touched_ns);
}

json::Array contents_of(const std::vector<Injection>& injections) {
  json::Array contents;
  for (const Injection& injection : injections) {
    if (injection.source.empty()) continue;
    contents.emplace_back(files::content_hash(injection.source));
  }
  return contents;
}

bool is_hostname(const Injection& injection) {
  return injection.via == InjectionWay::fw_cfg && injection.path == "vmfleet/hostname";
}

/// Each clone is told its own name when it runs.
bool is_own_name(const MachineConfig& config, const Injection& injection) {
  return is_hostname(injection) && injection.text == config.name;
}

bool names_port(const std::string& text) {
  return text.find("{port:") != std::string::npos;
}

/// What each clone has of its own, however it is called.
void forget_addresses(Net& net) {
  if (net.type == NetType::lan) net.mac.clear();
  net.lan.clear();
  if (!net.address.empty()) net.address = "given";
  for (Forward& forward : net.forwards) {
    forward.host_addr.clear();
    forward.host_port = 0;
  }
}

MachineConfig without_identity(MachineConfig config) {
  const auto is_own = [&](const Injection& injection) {
    return is_own_name(config, injection) || tells_of_lans(config, injection);
  };
  std::erase_if(config.injections, is_own);
  config.fleet.clear();
  config.name.clear();
  for (Net& net : config.nets) forget_addresses(net);
  return config;
}

/// What KVM's guests see of the processor.
std::string host_processor() {
  const std::string info = files::read("/proc/cpuinfo");
  const auto end = info.find("\n\n");  // of the first one
  std::string facts;
  for (const std::string_view line : split(std::string_view(info).substr(0, end), '\n')) {
    const std::string_view key = trim(line.substr(0, line.find(':')));
    if (key == "vendor_id" || key == "model name" || key == "flags") facts += line;
  }
  return facts;
}

std::optional<std::string> why_not_its_devices(const MachineConfig& config) {
  for (const Disk& disk : config.disks) {
    std::error_code unknown;
    if (disk.mode == DiskMode::direct) return fmt::format("it writes to {} itself", disk.file);
    if (!std::filesystem::is_block_file(disk.file, unknown)) continue;
    return fmt::format("nobody could tell when {}, a device, changes", disk.file);
  }
  if (!config.shares.empty()) return "QEMU cannot save a shared folder";
  for (const Net& net : config.nets) {
    if (net.type == NetType::tap) return "a tap is for one machine";
  }
  for (const DeviceParts& device : config.devices) {
    if (!device.not_cloned.empty()) return device.not_cloned;
  }
  // Such as a disk, to which its clones would write as if each had it for itself.
  if (!config.qemu_args.empty()) return "what is in its qemu_args may be for one machine";
  return std::nullopt;
}

}  // namespace

std::optional<std::string> why_not_cloned(const MachineConfig& config, const Readiness& readiness) {
  if (readiness.empty()) return "it has no readiness at which it could be saved";
  if (readiness.exit || !readiness.events.empty()) {
    return "what it is to wait for happens only once";
  }
  if (config.paused || !config.gdb.empty()) return "it is to stay at its first instruction";
  if (config.incoming || config.memory_file) return "it is made for a template by hand";
  return why_not_its_devices(config);
}

std::vector<std::string> why_not_unique(const MachineConfig& config) {
  std::vector<std::string> reasons;
  if (!config.agent) {
    reasons.emplace_back("it has no guest agent, which gives a clone an identity of its own");
  }
  const bool has_generation_id =
      config.vmgenid && config.arch == Arch::x86_64 && virtio_bus(config) == Bus::pci;
  if (!has_generation_id) {
    reasons.emplace_back("it has no generation id, by which a guest learns that it was cloned");
  }
  for (const Net& net : config.nets) {
    if (net.type != NetType::lan || !net.address.empty()) continue;
    reasons.push_back(fmt::format("its address on the LAN {} is not the host's choice", net.lan));
  }
  if (std::any_of(config.append.begin(), config.append.end(), names_port)) {
    reasons.emplace_back(
        "its kernel's arguments name a port of the host, and each clone has others");
  }
  for (const Injection& injection : config.injections) {
    if (is_hostname(injection) && injection.text != config.name) {
      reasons.emplace_back("its hostname is injected, and a clone gets its machine's name");
    }
    if (injection.text && names_port(*injection.text)) {
      reasons.emplace_back("what is injected names a port of the host, and each clone has others");
    }
  }
  for (const Injection& injection : config.injections) {
    const bool own = injection.via == InjectionWay::cloud_init;
    if (!own && injection.via != InjectionWay::tool) continue;
    reasons.push_back(
        fmt::format("what is injected via {} is for one machine", to_string(injection.via)));
    break;
  }
  return reasons;
}

std::string template_key(MachineConfig config, const Readiness& readiness) {
  const QemuBinary qemu = find_host_qemu(config.qemu, config.arch).value();
  config = without_identity(std::move(config));
  json::Object key;
  key.set("recipe", kRecipe).set("machine", describe(config));
  Readiness conditions = readiness;
  conditions.timeout = Readiness().timeout;  // how long they may take makes no other machine
  key.set("readiness", readiness_to_json(conditions));
  key.set("qemu", qemu.path.string()).set("qemu_stamp", stamp_of(qemu.path.string()));
  key.set("kernel", stamp_of(config.kernel)).set("initrd", stamp_of(config.initrd));
  key.set("bios", stamp_of(config.bios)).set("injected", contents_of(config.injections));
  json::Array disks;
  for (const Disk& disk : config.disks) disks.push_back(stamp_of(disk.file));
  for (const FwCfg& entry : config.fw_cfg) disks.push_back(stamp_of(entry.file));
  key.set("files", std::move(disks));
  if (config.accel == Accelerator::kvm) key.set("host", host_processor());
  return short_hash(json::write(key));
}

}  // namespace vmfleet
