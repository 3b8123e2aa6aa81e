// SPDX-License-Identifier: MIT
// Each topic from its source: records, recorded arguments, the kernel.
#include "cli/inspect_sections.hpp"

#include <optional>
#include <string>
#include <vector>

#include <vmfleet/console/log_reader.hpp>
#include <vmfleet/fleet/fleet_spec.hpp>
#include <vmfleet/instance/instance_directory.hpp>
#include <vmfleet/instance/intent.hpp>
#include <vmfleet/instance/log_keeper.hpp>
#include <vmfleet/io/files.hpp>
#include <vmfleet/machine/machine.hpp>

#include "cli/injected_texts.hpp"

namespace vmfleet::cli {

namespace {

/// The JSON values of an option, in order.
std::vector<json::Value> values_of(const std::vector<std::string>& argv, std::string_view option) {
  std::vector<json::Value> values;
  for (std::size_t i = 0; i + 1 < argv.size(); ++i) {
    if (argv[i] != option) continue;
    const Result<json::Value> value = json::parse(argv[i + 1]);
    if (value && value->is_object()) values.push_back(*value);
  }
  return values;
}

const json::Value* find(const std::vector<json::Value>& values, std::string_view key,
                        std::string_view wanted) {
  for (const json::Value& value : values) {
    if (!wanted.empty() && value.text(key) == wanted) return &value;
  }
  return nullptr;
}

json::Object paths_of(const std::filesystem::path& directory) {
  json::Object files;
  for (const char* name : {instance_file::kSerial, instance_file::kEvents, instance_file::kQemuErr,
                           instance_file::kQmp, instance_file::kMonitor}) {
    std::error_code ignored;
    if (std::filesystem::exists(directory / name, ignored)) {
      files.set(name, (directory / name).string());
    }
  }
  return files;
}

/// Of the console's log: what is on the disk, and what is missing.
json::Value log_in(const InstanceDirectory& directory, const Intent& intent) {
  std::error_code none;
  const auto file = directory.file(instance_file::kSerial);
  const auto size = std::filesystem::file_size(file, none);
  json::Object log;
  log.set("bytes", std::uint64_t{none ? 0 : size});
  log.set("kept_from", console::log_start(file));
  log.set("limit", intent.log_limit ? to_string(*intent.log_limit) : "none");
  log.set("kept_short", find_log_keeper(directory).has_value());
  json::Array full;
  for (const FullDisk& moment : read_full_disks(directory)) {
    full.push_back(json::Object{{"offset", moment.offset}, {"at_ms", moment.at_ms}});
  }
  if (!full.empty()) log.set("disk_full", std::move(full));
  return log;
}

void add_state(json::Object& machine, const std::filesystem::path& directory,
               const std::optional<Intent>& intent) {
  machine = *inspect_machine(directory).to_json().as_object();
  if (intent) {
    machine.set("created_ms", intent->created_ms);
    if (!intent->readiness.is_null()) machine.set("readiness", intent->readiness);
    if (!intent->forwards.is_null()) machine.set("forwards", intent->forwards);
    if (!intent->spec_hash.empty()) machine.set("spec_hash", intent->spec_hash);
  }
  machine.set("files", paths_of(directory));
  if (intent) machine.set("log", log_in(InstanceDirectory::open(directory), *intent));
}

/// What it was made from, read anew; nothing of a machine that no specification made.
std::optional<json::Value> configuration_of(const Intent& intent,
                                            const std::filesystem::path& directory) {
  if (!intent.spec.is_object()) return std::nullopt;
  const auto state_root = directory.parent_path().parent_path();
  json::Object configuration = describe(recall(intent.spec, state_root).config);
  for (const char* key : {"depends_on", "restart"}) {
    const json::Value& value = intent.spec["keys"][key];
    if (!value.is_null()) configuration.set(key, value);
  }
  return without_injected_texts(std::move(configuration));
}

/// As QEMU was told of them, with what it does not know: LANs by name, addresses.
json::Array named_interfaces(const Intent& intent) {
  json::Array interfaces = interfaces_in(intent.argv);
  const json::Array* nets = intent.nets.as_array();
  if (nets == nullptr) return interfaces;
  for (json::Value& interface : interfaces) {
    json::Object told = *interface.as_object();
    for (const json::Value& net : *nets) {
      if (net.text("id") != interface.text("id")) continue;
      for (const auto& [key, value] : *net.as_object()) told.set(key, value);
    }
    interface = std::move(told);
  }
  return interfaces;
}

json::Value network_of(const Intent& intent, const std::filesystem::path& directory) {
  json::Object network;
  network.set("interfaces", named_interfaces(intent));
  json::Array ports;
  for (const auto& port : inspect_machine(directory).ports) ports.push_back(port_to_json(port));
  network.set("ports", std::move(ports));
  return network;
}

json::Value record_at(const std::filesystem::path& file) {
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) return nullptr;
  const Result<json::Value> record = json::parse(files::read(file));
  return record ? *record : json::Value(nullptr);
}

json::Value records_in(const std::filesystem::path& directory) {
  json::Object records;
  for (const char* name : {instance_file::kIntent, instance_file::kState, instance_file::kDisks}) {
    json::Value record = record_at(directory / name);
    if (!record.is_null()) records.set(name, std::move(record));
  }
  return records;
}

}  // namespace

json::Array devices_in(const std::vector<std::string>& argv) {
  const auto drives = values_of(argv, "-blockdev");
  const auto netdevs = values_of(argv, "-netdev");
  json::Array devices;
  for (const json::Value& device : values_of(argv, "-device")) {
    json::Object told = *device.as_object();
    if (const auto* drive = find(drives, "node-name", device.text("drive"))) {
      told.set("drive", *drive);
    }
    if (const auto* netdev = find(netdevs, "id", device.text("netdev"))) {
      told.set("netdev", *netdev);
    }
    devices.emplace_back(std::move(told));
  }
  return devices;
}

json::Array interfaces_in(const std::vector<std::string>& argv) {
  const auto devices = values_of(argv, "-device");
  json::Array interfaces;
  for (const json::Value& netdev : values_of(argv, "-netdev")) {
    json::Object told = *netdev.as_object();
    if (const auto* device = find(devices, "netdev", netdev.text("id"))) {
      told.set("mac", device->text("mac")).set("device", device->text("driver"));
    }
    interfaces.emplace_back(std::move(told));
  }
  return interfaces;
}

json::Object inspect_sections(const std::filesystem::path& directory, InspectSections sections) {
  const std::optional<Intent> intent = read_intent(InstanceDirectory::open(directory));
  json::Object machine;
  machine.set("name", directory.filename().string());
  if (sections.state) add_state(machine, directory, intent);
  if (sections.configuration && intent) {
    if (auto configuration = configuration_of(*intent, directory)) {
      machine.set("config", *std::move(configuration));
    }
  }
  if (sections.device && intent) machine.set("devices", devices_in(intent->argv));
  if (sections.network && intent) machine.set("network", network_of(*intent, directory));
  if (sections.command_line && intent) {
    machine.set("argv", json::to_array(intent->argv));
  }
  if (sections.raw) machine.set("raw", records_in(directory));
  return machine;
}

}  // namespace vmfleet::cli
