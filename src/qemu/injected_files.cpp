// SPDX-License-Identifier: MIT
// Injections: where their files are, and their options.
#include <vmfleet/qemu/injected_files.hpp>

#include <algorithm>

#include <fmt/format.h>

#include "qemu/parts.hpp"

namespace vmfleet {
namespace {

bool starts_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

bool any(const MachineConfig& config, InjectionWay way) {
  return std::any_of(config.injections.begin(), config.injections.end(),
                     [&](const Injection& injection) { return injection.via == way; });
}

bool any_tool_names(const MachineConfig& config, std::string_view placeholder) {
  return std::any_of(
      config.injections.begin(), config.injections.end(), [&](const Injection& injection) {
        return injection.via == InjectionWay::tool && mentions(injection, placeholder);
      });
}

}  // namespace

std::vector<std::string> tool_placeholders(std::string_view text) {
  constexpr std::string_view kWord = "abcdefghijklmnopqrstuvwxyz_";
  constexpr std::string_view kId =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
  std::vector<std::string> found;
  for (auto at = text.find('{'); at != std::string_view::npos; at = text.find('{', at + 1)) {
    if (at > 0 && text[at - 1] == '$') continue;  // a shell's variable
    const auto word = text.find_first_not_of(kWord, at + 1);
    if (word == std::string_view::npos || word == at + 1) continue;
    auto end = word;
    if (text[word] == ':') end = text.find_first_not_of(kId, word + 1);
    if (end == std::string_view::npos || text[end] != '}') continue;
    found.emplace_back(text.substr(at + 1, end - at - 1));
  }
  return found;
}

bool has_smbios(const MachineConfig& config) {
  if (config.arch == Arch::aarch64) return !config.bios.empty();
  return !starts_with(machine_type(config), "microvm");
}

bool offers_entropy(const MachineConfig& config) {
  const bool known = config.arch == Arch::x86_64 || starts_with(machine_type(config), "virt");
  return config.rng && known;
}

std::filesystem::path entropy_path(const std::filesystem::path& directory) {
  return directory / "entropy";
}

bool mentions(const Injection& tool, std::string_view placeholder) {
  return std::any_of(tool.command.begin(), tool.command.end(), [&](const std::string& word) {
    const auto found = tool_placeholders(word);
    return std::find(found.begin(), found.end(), placeholder) != found.end();
  });
}

std::size_t find_disk(const MachineConfig& config, std::string_view id) {
  std::size_t index = 0;
  for (; index < config.disks.size(); ++index) {
    const std::string& own = config.disks[index].id;
    if (own.empty() ? id == fmt::format("disk{}", index) : id == own) break;
  }
  return index;
}

bool works_on_disk(const MachineConfig& config, const Injection& tool, std::size_t disk) {
  if (tool.via != InjectionWay::tool) return false;
  const std::string& id = config.disks[disk].id;
  return mentions(tool, "disk:" + (id.empty() ? fmt::format("disk{}", disk) : id));
}

bool owns_kernel(const MachineConfig& config) {
  return !config.kernel.empty() && any_tool_names(config, "kernel");
}

bool owns_initrd(const MachineConfig& config) {
  return any(config, InjectionWay::initrd) ||
         (!config.initrd.empty() && any_tool_names(config, "initrd"));
}

std::filesystem::path kernel_path(const MachineConfig& config,
                                  const std::filesystem::path& directory) {
  return owns_kernel(config) ? directory / "kernel" : std::filesystem::path(config.kernel);
}

std::filesystem::path initrd_path(const MachineConfig& config,
                                  const std::filesystem::path& directory) {
  return owns_initrd(config) ? directory / "initrd" : std::filesystem::path(config.initrd);
}

bool has_cloud_disk(const MachineConfig& config) {
  return any(config, InjectionWay::cloud_init);
}

std::filesystem::path cloud_disk_path(const std::filesystem::path& directory) {
  return directory / "cidata.iso";
}

std::string firmware_name(const MachineConfig& config, const Injection& injection) {
  const bool full = starts_with(injection.path, "opt/");
  if (injection.via == InjectionWay::fw_cfg) return full ? injection.path : "opt/" + injection.path;
  if (injection.via == InjectionWay::credential && !has_smbios(config)) {
    return "opt/io.systemd.credentials/" + injection.path;
  }
  return {};
}

bool needs_file(const MachineConfig& config, const Injection& injection) {
  const bool encoded = injection.via == InjectionWay::credential && has_smbios(config);
  const bool by_itself =
      !firmware_name(config, injection).empty() || injection.via == InjectionWay::tool;
  return encoded || (by_itself && injection.text.has_value());
}

std::filesystem::path injected_path(const MachineConfig& config, std::size_t index,
                                    const std::filesystem::path& directory) {
  const Injection& injection = config.injections[index];
  if (!needs_file(config, injection)) return injection.source;
  return directory / fmt::format("inject{}", index);
}

namespace qemu {

void add_injections(OptionList& options, const MachineConfig& config, const Wires& wires) {
  constexpr std::string_view kEntropy = "opt/vmfleet/entropy";
  bool given = std::any_of(config.fw_cfg.begin(), config.fw_cfg.end(),
                           [&](const FwCfg& entry) { return entry.name == kEntropy; });
  for (std::size_t i = 0; i < config.injections.size(); ++i) {
    const std::string file = injected_path(config, i, wires.directory).string();
    const std::string name = firmware_name(config, config.injections[i]);
    given = given || name == kEntropy;
    if (!name.empty()) {
      options.keyed("-fw_cfg", "", {{"name", name}, {"file", file}});
    } else if (config.injections[i].via == InjectionWay::credential) {
      options.keyed("-smbios", "type=11", {{"path", file}});
    }
  }
  if (given || wires.directory.empty() || !offers_entropy(config)) return;
  options.keyed("-fw_cfg", "",
                {{"name", kEntropy}, {"file", entropy_path(wires.directory).string()}});
}

void add_cloud_disk(OptionList& options, const MachineConfig& config, const Wires& wires) {
  if (!has_cloud_disk(config)) return;
  json::Object file;
  file.set("driver", "file").set("filename", cloud_disk_path(wires.directory).string());
  file.set("read-only", true);
  json::Object node;
  node.set("driver", "raw").set("node-name", "cidata").set("read-only", true);
  node.set("file", std::move(file));
  options.json("-blockdev", node);
  json::Object device;
  device.set("driver", virtio_driver("virtio-blk", config)).set("id", "cidata");
  device.set("drive", "cidata");
  options.json("-device", device);
}

}  // namespace qemu
}  // namespace vmfleet
