// SPDX-License-Identifier: MIT
// describe: a configuration as JSON, defaults left out, so that equal machines read the same.
#include <vmfleet/qemu/machine_config.hpp>

namespace vmfleet {
namespace {

/// Sets only what differs from a default-constructed value.
class Members {
 public:
  Members& text(const char* key, const std::string& value) {
    if (!value.empty()) object_.set(key, value);
    return *this;
  }
  Members& flag(const char* key, bool value, bool by_default = false) {
    if (value != by_default) object_.set(key, value);
    return *this;
  }
  Members& list(const char* key, json::Array values) {
    if (!values.empty()) object_.set(key, std::move(values));
    return *this;
  }
  Members& always(const char* key, json::Value value) {
    object_.set(key, std::move(value));
    return *this;
  }
  json::Object take() { return std::move(object_); }

 private:
  json::Object object_;
};

json::Object describe_disk(const Disk& disk) {
  Members members;
  members.text("file", disk.file).always("format", to_string(disk.format));
  members.always("mode", to_string(disk.mode)).text("id", disk.id).text("serial", disk.serial);
  if (disk.cache != DiskCache::writeback) members.always("cache", to_string(disk.cache));
  if (disk.aio != DiskAio::threads) members.always("aio", to_string(disk.aio));
  members.flag("iothread", disk.iothread).text("pci_address", disk.pci_address);
  if (disk.size.count() > 0) members.always("size", to_string(disk.size));
  return members.take();
}

json::Object describe_net(const Net& net) {
  Members members;
  members.always("type", to_string(net.type)).text("mac", net.mac).text("subnet", net.subnet);
  members.text("dhcp_start", net.dhcp_start).text("dns", net.dns).text("host", net.host);
  members.flag("restrict", net.restrict_guest);
  json::Array forwards;
  for (const Forward& forward : net.forwards) forwards.emplace_back(to_string(forward));
  members.list("forward", std::move(forwards)).text("interface", net.interface);
  return members.text("up_script", net.up_script)
      .text("lan", net.lan)
      .text("address", net.address)
      .take();
}

json::Object describe_share(const Share& share) {
  Members members;
  members.always("type", to_string(share.type)).text("path", share.path).text("tag", share.tag);
  return members.flag("writable", share.writable).flag("root", share.root).take();
}

json::Object describe_injection(const Injection& injection) {
  Members members;
  members.always("via", to_string(injection.via)).text("path", injection.path);
  members.text("source", injection.source);
  if (injection.text) members.always("text", *injection.text);
  members.list("command", json::to_array(injection.command)).text("directory", injection.directory);
  if (injection.timeout != Injection::kDefaultTimeout) {
    members.always("timeout", std::to_string(injection.timeout.count()) + "ms");
  }
  return members.take();
}

json::Object describe_fw_cfg(const FwCfg& entry) {
  Members members;
  return members.text("name", entry.name).text("file", entry.file).text("text", entry.text).take();
}

json::Object describe_parts(const DeviceParts& device) {
  Members members;
  members.list("arguments", json::to_array(device.arguments));
  return members.list("kernel_arguments", json::to_array(device.kernel_arguments)).take();
}

template <class T>
json::Array describe_all(const std::vector<T>& items, json::Object (*one)(const T&)) {
  json::Array array;
  for (const T& item : items) array.emplace_back(one(item));
  return array;
}

void describe_hardware(Members& members, const MachineConfig& config) {
  members.always("arch", to_string(config.arch)).text("qemu", config.qemu);
  members.always("accel", to_string(config.accel)).always("machine", machine_type(config));
  members.text("cpu", config.cpu).always("cpus", static_cast<std::int64_t>(config.cpus));
  members.always("memory", to_string(config.memory));
  if (config.memory_file) {
    members.always("memory_file", config.memory_file->path);
    members.flag("memory_shared", config.memory_file->shared);
  }
  members.text("kernel", config.kernel).flag("kernel_cache", config.kernel_cache, true);
  members.text("initrd", config.initrd);
  members.list("append", json::to_array(config.append));
  members.flag("append_defaults", config.append_defaults, true).text("bios", config.bios);
}

void describe_devices(Members& members, const MachineConfig& config) {
  members.list("disk", describe_all(config.disks, describe_disk));
  members.list("net", describe_all(config.nets, describe_net));
  members.list("share", describe_all(config.shares, describe_share));
  members.list("inject", describe_all(config.injections, describe_injection));
  members.list("fw_cfg", describe_all(config.fw_cfg, describe_fw_cfg));
  members.list("smbios_strings", json::to_array(config.smbios_strings));
  members.flag("rng", config.rng, true).flag("vmgenid", config.vmgenid, true);
  members.flag("agent", config.agent, true).flag("pvpanic", config.pvpanic, true);
  members.flag("identity_port", config.identity_port).flag("debug_exit", config.debug_exit);
  members.list("devices", describe_all(config.devices, describe_parts));
}

}  // namespace

json::Object describe(const MachineConfig& config) {
  Members members;
  members.text("name", config.name).text("fleet", config.fleet);
  describe_hardware(members, config);
  describe_devices(members, config);
  json::Object exit_codes;
  for (const auto& [code, word] : config.exit_codes) exit_codes.set(std::to_string(code), word);
  if (!exit_codes.empty()) members.always("exit_codes", std::move(exit_codes));
  if (config.on_panic == OnPanic::pause) members.always("on_panic", "pause");
  if (config.on_reboot == OnReboot::exit) members.always("on_reboot", "exit");
  members.flag("incoming", config.incoming).flag("paused", config.paused).text("gdb", config.gdb);
  return members.list("qemu_args", json::to_array(config.qemu_args)).take();
}

}  // namespace vmfleet
