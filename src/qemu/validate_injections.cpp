// SPDX-License-Identifier: MIT
// What is impossible in injections and firmware files.
#include <set>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>
#include <vmfleet/qemu/injected_files.hpp>

#include "qemu/problems.hpp"
#include "qemu/syntax.hpp"

namespace vmfleet::qemu {
namespace {

constexpr std::size_t kLongestFirmwareName = 55;

/// Absolute, and leading nowhere else.
bool is_guest_path(const std::string& path) {
  if (path.size() < 2 || path.front() != '/' || path.back() == '/') return false;
  for (const std::string_view part : split(path, '/')) {
    if (part == "." || part == "..") return false;
  }
  return path.find("//") == std::string::npos && is_clean_text(path);
}

/// *Source*: systemd.exec(5): a credential's name is that of a file.
bool is_credential_name(const std::string& name) {
  return !name.empty() && name.size() <= 255 && name != "." && name != ".." &&
         name.find_first_of("/:=") == std::string::npos && is_clean_text(name);
}

bool is_cloud_file(const std::string& path) {
  for (const char* known : {"user-data", "meta-data", "vendor-data", "network-config"}) {
    if (path == known) return true;
  }
  return false;
}

class InjectionChecker {
 public:
  InjectionChecker(Problems& problems, const MachineConfig& config)
      : problems_(problems), config_(config) {}

  void check_firmware_name(const std::string& key, const std::string& name) {
    problems_.require(
        name.rfind("opt/", 0) == 0 && name.size() > 4 && name.size() <= kLongestFirmwareName, key,
        name, "opt/… of at most 55 bytes");
    claim(key, name);
  }

  void check(const std::string& key, const Injection& injection) {
    check_content(key, injection);
    if (injection.via == InjectionWay::tool) {
      check_tool(key, injection);
      return;
    }
    if (!injection.command.empty()) {
      problems_.add(key + ".command", "a command is for via = \"tool\"");
    }
    if (injection.timeout != Injection::kDefaultTimeout) {
      problems_.add(key + ".timeout", "a timeout is for via = \"tool\"");
    }
    if (injection.path.empty() && !is_bare_cloud_disk(injection)) {
      problems_.add(key + ".path", "the path in the guest is missing");
      return;
    }
    check_target(key + ".path", injection);
  }

 private:
  /// A disk with what cloud-init needs, made up by us.
  static bool is_bare_cloud_disk(const Injection& injection) {
    return injection.via == InjectionWay::cloud_init && injection.path.empty() &&
           injection.source.empty() && !injection.text;
  }

  void check_content(const std::string& key, const Injection& injection) {
    if (!injection.source.empty()) problems_.check_path(key + ".source", injection.source);
    if (injection.text && !is_clean_text(*injection.text)) {
      problems_.add(key + ".text", "the text is not UTF-8 without NUL bytes",
                    "put it into a file and name it as source");
    }
    if (!injection.source.empty() && injection.text) {
      problems_.add(key + ".text", "needs either a source or a text, and has both");
    }
    const bool none = injection.source.empty() && !injection.text;
    if (none && injection.via != InjectionWay::tool && !is_bare_cloud_disk(injection)) {
      problems_.add(key + ".source", "needs either a source or a text");
    }
  }

  void check_target(const std::string& key, const Injection& injection) {
    const std::string& path = injection.path;
    const std::string name = firmware_name(config_, injection);
    switch (injection.via) {
      case InjectionWay::initrd:
        problems_.require(is_guest_path(path), key, path, "an absolute path in the guest",
                          "such as \"/etc/motd\", without \"..\"");
        if (config_.kernel.empty()) {
          problems_.add(key, "a file in the initrd needs a kernel", "set image or kernel");
        }
        claim(key, path);
        break;
      case InjectionWay::credential:
        problems_.require(is_credential_name(path), key, path, "the name of a credential",
                          "as systemd.exec(5) has them: without \"/\", \":\" and \"=\"");
        if (name.empty()) claim(key, "credential " + path);
        break;
      case InjectionWay::cloud_init:
        if (path.empty()) return;
        problems_.require(is_cloud_file(path), key, path, "a file of the NoCloud data source",
                          "one of: user-data, meta-data, vendor-data, network-config");
        claim(key, path);
        break;
      case InjectionWay::fw_cfg:
      case InjectionWay::tool:
        break;
    }
    if (!name.empty()) {
      problems_.check_text(key, name);
      check_firmware_name(key, name);
    }
  }

  void check_tool(const std::string& key, const Injection& tool) {
    for (const std::string& word : tool.command) problems_.check_text(key + ".command", word);
    if (!tool.directory.empty()) problems_.check_path(key + ".directory", tool.directory);
    if (tool.timeout.count() <= 0) {
      problems_.add(key + ".timeout", "a timeout is longer than nothing");
    }
    if (tool.command.empty() || tool.command[0].empty()) {
      problems_.add(key + ".command", "a tool needs a command",
                    "such as command = [\"tool\", \"{disk:disk0}\"]");
      return;
    }
    std::set<std::string> targets;
    for (std::size_t i = 0; i < tool.command.size(); ++i) {
      for (const std::string& placeholder : tool_placeholders(tool.command[i])) {
        check_placeholder(fmt::format("{}.command[{}]", key, i), tool, placeholder, targets);
      }
    }
    const bool boot = targets.count("kernel") + targets.count("initrd") > 0;
    const std::size_t disks = targets.size() - targets.count("kernel") - targets.count("initrd");
    if (targets.empty()) {
      problems_.add(key + ".command", "the command names nothing that it works on",
                    "it needs {disk:ID}, {initrd} or {kernel}");
    } else if (disks > 1 || (disks == 1 && boot)) {
      // A disk is made once, kernel and initrd at every start.
      problems_.add(key + ".command", "a tool works on one disk, or on kernel and initrd",
                    "write a tool for each");
    }
  }

  void check_placeholder(const std::string& key, const Injection& tool,
                         const std::string& placeholder, std::set<std::string>& targets) {
    constexpr std::string_view kDisk = "disk:";
    const auto needs = [&](bool there, const char* what) {
      if (there) return;
      problems_.add(key, fmt::format("{{{}}} needs a {}", placeholder, what));
    };
    if (placeholder == "name" || placeholder == "fleet" || placeholder == "dir") return;
    if (placeholder == "source") {
      needs(!tool.source.empty() || tool.text, "source or a text");
    } else if (placeholder == "path") {
      needs(!tool.path.empty(), "path");
    } else if (placeholder == "kernel") {
      needs(!config_.kernel.empty(), "kernel");
      targets.insert(placeholder);
    } else if (placeholder == "initrd") {
      needs(owns_initrd(config_), "kernel with an initrd");
      targets.insert(placeholder);
    } else if (placeholder.rfind(kDisk, 0) == 0) {
      check_disk(key, placeholder.substr(kDisk.size()));
      targets.insert(placeholder);
    } else if (placeholder.rfind("port:", 0) == 0) {
      problems_.add(key, fmt::format("{{{}}} is not known before the launch", placeholder),
                    "give that forward a fixed host port");
    } else {
      problems_.add(key, fmt::format("unknown placeholder {{{}}}", placeholder),
                    "one of: {disk:ID}, {initrd}, {kernel}, {source}, {path}, {name}, {fleet}, "
                    "{dir}");
    }
  }

  void check_disk(const std::string& key, const std::string& id) {
    const std::size_t index = find_disk(config_, id);
    if (index == config_.disks.size()) {
      problems_.add(key, fmt::format("there is no disk \"{}\"", id),
                    "a disk is called by its id, or disk0, disk1…");
    } else if (!is_staged(config_.disks[index])) {
      problems_.add(key,
                    fmt::format("disk \"{}\" is not the machine's own: its mode is \"{}\"", id,
                                to_string(config_.disks[index].mode)),
                    "use mode = \"copy\", \"overlay\" or \"snapshot\"");
    }
  }

  void claim(const std::string& key, const std::string& target) {
    if (claimed_.insert(target).second) return;
    problems_.add(key, fmt::format("\"{}\" is there twice", sanitize(target)));
  }

  Problems& problems_;
  const MachineConfig& config_;
  std::set<std::string> claimed_;
};

}  // namespace

void check_injections(Problems& problems, const MachineConfig& config) {
  InjectionChecker checker(problems, config);
  for (std::size_t i = 0; i < config.fw_cfg.size(); ++i) {
    const FwCfg& entry = config.fw_cfg[i];
    const std::string key = fmt::format("fw_cfg[{}]", i);
    problems.check_text(key + ".name", entry.name);
    problems.check_text(key + ".text", entry.text);
    checker.check_firmware_name(key + ".name", entry.name);
    if (!entry.file.empty()) problems.check_path(key + ".file", entry.file);
    if (entry.file.empty() == entry.text.empty()) {
      problems.add(key, "needs either a file or a text");
    }
  }
  for (const auto& text : config.smbios_strings) problems.check_text("smbios_strings", text);
  for (std::size_t i = 0; i < config.injections.size(); ++i) {
    checker.check(fmt::format("inject[{}]", i), config.injections[i]);
  }
}

}  // namespace vmfleet::qemu
