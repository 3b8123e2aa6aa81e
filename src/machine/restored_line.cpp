// SPDX-License-Identifier: MIT
// Options by their words, and those that are JSON by their members.
#include "machine/restored_line.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <optional>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>
#include <vmfleet/qemu/forward.hpp>
#include <vmfleet/qemu/wires.hpp>

namespace vmfleet {

namespace {

/// The options of a command line that have a value.
template <class Look>
void for_each_option(const std::vector<std::string>& argv, const Look& look) {
  for (std::size_t i = 1; i + 1 < argv.size(); ++i) {
    if (argv[i].rfind('-', 0) == 0) look(argv[i], i + 1);
  }
}

/// `tcp:127.0.0.1:0-:22`. *Source*: QEMU's manual, -netdev user, hostfwd.
std::optional<Forward> parse_rule(std::string_view rule) {
  const auto dash = rule.rfind("-:");
  if (dash == std::string_view::npos) return std::nullopt;
  const auto host = split(rule.substr(0, dash), ':');
  if (host.size() != 3) return std::nullopt;
  Forward forward;
  forward.protocol = host[0] == "udp" ? Protocol::udp : Protocol::tcp;
  forward.host_addr = std::string(host[1]);
  const std::string_view guest = rule.substr(dash + 2);
  std::from_chars(host[2].data(), host[2].data() + host[2].size(), forward.host_port);
  std::from_chars(guest.data(), guest.data() + guest.size(), forward.guest_port);
  return forward;
}

/// `net1` → 1: the interfaces that are ours.
std::optional<std::size_t> index_of(std::string_view netdev) {
  constexpr std::string_view kNet = "net";
  std::size_t index = 0;
  if (netdev.substr(0, kNet.size()) != kNet) return std::nullopt;
  const char* end = netdev.data() + netdev.size();
  const auto [stopped, error] = std::from_chars(netdev.data() + kNet.size(), end, index);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return index;
}

std::optional<json::Object> object_of(const std::string& text) {
  if (text.rfind('{', 0) != 0) return std::nullopt;
  const auto value = json::parse(text);
  if (!value || !value->is_object()) return std::nullopt;
  return *value->as_object();
}

Net net_of(const json::Value& netdev) {
  Net net;
  net.type = netdev.text("type") == "user" ? NetType::user : NetType::lan;
  if (const json::Array* rules = netdev["hostfwd"].as_array()) {
    for (const json::Value& rule : *rules) {
      if (auto forward = parse_rule(rule.text("str"))) net.forwards.push_back(*forward);
    }
  }
  return net;
}

json::Array rules_of(const Net& net) {
  json::Array rules;
  for (const Forward& forward : net.forwards) {
    json::Object rule;
    rule.set("str", fmt::format("{}:{}:{}-:{}", to_string(forward.protocol), forward.host_addr,
                                forward.host_port, forward.guest_port));
    rules.emplace_back(std::move(rule));
  }
  return rules;
}

json::Object without(const json::Object& object, std::string_view unwanted) {
  json::Object rest;
  for (const auto& [name, value] : object) {
    if (name != unwanted) rest.set(name, value);
  }
  return rest;
}

bool is_mapped_memory(const json::Object& object) {
  return json::Value(object).text("qom-type") == "memory-backend-file";
}

json::Object ordinary_memory(const json::Value& mapped) {
  json::Object memory;
  memory.set("qom-type", "memory-backend-ram");
  memory.set("id", mapped.text("id"));
  memory.set("size", mapped["size"]);
  return memory;
}

/// `name=opt/x,file=/a,,b` → `/a,b`.
std::string value_of(std::string_view key, const std::string& words) {
  std::string file;
  const auto begin = words.find(key);
  if (begin == std::string::npos) return file;
  for (std::size_t i = begin + key.size(); i < words.size(); ++i) {
    if (words[i] == ',' && words.substr(i + 1, 1) != ",") break;
    if (words[i] == ',') ++i;
    file += words[i];
  }
  return file;
}

/// Options in a common form: `-netdev {…}`.
std::vector<std::string> comparable(const std::vector<std::string>& argv) {
  std::vector<std::string> options;
  for (std::size_t i = 1; i < argv.size(); ++i) {
    const bool begins = argv[i].rfind('-', 0) == 0 || options.empty();
    if (begins) {
      options.push_back(argv[i]);
      continue;
    }
    std::string value = argv[i];
    if (const auto object = object_of(value)) {
      const json::Object shown = is_mapped_memory(*object) ? ordinary_memory(*object) : *object;
      value = json::write(without(shown, "hostfwd"));
    }
    options.back() += " " + value;
  }
  std::erase(options, "-incoming defer");
  std::sort(options.begin(), options.end());
  return options;
}

}  // namespace

MachineConfig config_of_line(const Intent& intent) {
  MachineConfig config;
  config.fleet = intent.fleet;
  config.name = intent.name;
  config.uuid = intent.uuid;
  const std::string serial = fmt::format("id={}", kSerialChardev);
  const auto look = [&](const std::string& option, std::size_t value) {
    const std::string& words = intent.argv[value];
    if (option == "-chardev" && words.find(serial) != std::string::npos) {
      config.features.chardev_input_path = words.find(",input-path=") != std::string::npos;
      if (words.rfind("pipe,", 0) == 0) config.arch = Arch::aarch64;
    }
    if (option == "-chardev" && words.find(kIdentityChardev) != std::string::npos) {
      config.identity_port = true;
    }
    const auto netdev = option == "-netdev" ? object_of(words) : std::nullopt;
    if (!netdev) return;
    const json::Value net(*netdev);
    const auto index = index_of(net.text("id"));
    if (!index || *index > intent.argv.size()) return;
    if (config.nets.size() <= *index) config.nets.resize(*index + 1);
    config.nets[*index] = net_of(net);
  };
  for_each_option(intent.argv, look);
  const json::Array* names = intent.forwards.as_array();
  std::size_t next = 0;
  for (Net& net : config.nets) {
    for (Forward& forward : net.forwards) {
      forward.name = std::to_string(forward.guest_port);
      if (names != nullptr && next < names->size()) forward.name = (*names)[next++].text("name");
    }
  }
  return config;
}

std::vector<std::string> line_to_restore(const std::vector<std::string>& argv,
                                         const MachineConfig& config) {
  std::vector<std::string> line = argv;
  bool waits = false;
  const auto change = [&](const std::string& option, std::size_t value) {
    waits = waits || option == "-incoming";
    const auto object = object_of(argv[value]);
    if (!object) return;
    const json::Value known(*object);
    if (option == "-object" && is_mapped_memory(*object)) {
      line[value] = json::write(ordinary_memory(known));
    }
    if (option != "-netdev" || known.text("type") != "user") return;
    const auto index = index_of(known.text("id"));
    if (!index || *index >= config.nets.size()) return;
    json::Object netdev = without(*object, "hostfwd");
    json::Array rules = rules_of(config.nets[*index]);
    if (!rules.empty()) netdev.set("hostfwd", std::move(rules));
    line[value] = json::write(netdev);
  };
  for_each_option(argv, change);
  if (!waits) line.insert(line.end(), {"-incoming", "defer"});
  return line;
}

std::vector<std::filesystem::path> files_of_line(const std::vector<std::string>& argv) {
  std::vector<std::filesystem::path> files;
  const auto look = [&](const std::string& option, std::size_t value) {
    const std::string& words = argv[value];
    if (option == "-kernel" || option == "-initrd" || option == "-bios") files.emplace_back(words);
    if (option == "-fw_cfg") files.emplace_back(value_of(",file=", words));
    if (option == "-smbios") files.emplace_back(value_of(",path=", words));
    const auto object = option == "-blockdev" ? object_of(words) : std::nullopt;
    if (!object) return;
    const json::Value node(*object);
    const json::Value& file = node["file"].is_object() ? node["file"] : node;
    if (file.text("driver") == "file") files.emplace_back(file.text("filename"));
  };
  for_each_option(argv, look);
  // QEMU looks for others in a folder of its own, as for `-bios qboot.rom`.
  std::erase_if(files, [](const auto& file) { return !file.is_absolute(); });
  return files;
}

std::vector<std::string> differences(const std::vector<std::string>& before,
                                     const std::vector<std::string>& now) {
  const auto had = comparable(before);
  const auto has = comparable(now);
  std::vector<std::string> lines;
  std::vector<std::string> only;
  std::set_difference(had.begin(), had.end(), has.begin(), has.end(), std::back_inserter(only));
  for (const auto& option : only) lines.push_back("it had " + option);
  only.clear();
  std::set_difference(has.begin(), has.end(), had.begin(), had.end(), std::back_inserter(only));
  for (const auto& option : only) lines.push_back("it has " + option);
  return lines;
}

}  // namespace vmfleet
