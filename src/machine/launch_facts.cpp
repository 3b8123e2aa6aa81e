// SPDX-License-Identifier: MIT
// Identities, records and doubts.
#include "machine/launch_facts.hpp"

#include <unistd.h>

#include <string_view>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>
#include <vmfleet/io/files.hpp>
#include <vmfleet/qemu/command_line.hpp>

#include "machine/live.hpp"

namespace vmfleet {

std::string derive_uuid(const std::filesystem::path& instance_directory) {
  const std::string host = std::string(trim(files::read_end("/etc/machine-id", Bytes(64))));
  const std::string seed = host + '\0' + instance_directory.string() + '\0';
  std::string hex = short_hash(seed + "upper half") + short_hash(seed + "lower half");
  hex[12] = '8';  // RFC 9562: version 8, custom
  hex[16] = "89ab"[static_cast<unsigned char>(hex[16]) % 4];
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4),
                     hex.substr(16, 4), hex.substr(20));
}

std::string derive_lan_scope(const std::filesystem::path& instance_directory) {
  const auto root =
      std::filesystem::weakly_canonical(instance_directory.parent_path().parent_path());
  return fmt::format("{}:{}", ::geteuid(), root.string());
}

json::Value forwards_to_json(const MachineConfig& config) {
  json::Array forwards;
  for (const auto& net : config.nets) {
    for (const auto& forward : net.forwards) {
      forwards.push_back(json::Object{{"name", forward.name}, {"text", to_string(forward)}});
    }
  }
  return forwards;
}

namespace {

/// What can be told of each interface.
json::Value nets_to_json(const MachineConfig& config) {
  json::Array nets;
  for (std::size_t i = 0; i < config.nets.size(); ++i) {
    const Net& net = config.nets[i];
    json::Object object;
    object.set("id", fmt::format("net{}", i)).set("type", to_string(net.type));
    object.set("mac", mac_of(config, i));
    if (!net.interface.empty()) object.set("interface", net.interface);
    if (!net.lan.empty()) object.set("lan", net.lan);
    if (!net.address.empty()) object.set("address", net.address);
    nets.emplace_back(std::move(object));
  }
  return nets;
}

}  // namespace

void describe_launch(Intent& intent, const MachineConfig& config, const LaunchOptions& options) {
  intent.fleet = config.fleet;
  intent.name = config.name;
  intent.uuid = config.uuid;
  intent.spec_hash = options.spec_hash;
  intent.spec = options.spec;
  intent.accel = to_string(config.accel);
  intent.stop_grace_ms = options.stop_grace.count();
  intent.log_limit = options.log_limit;
  intent.paused = config.paused;
  intent.template_key = options.clone_of ? options.clone_of->key : "";
  intent.identical = options.clone_of && !options.clone_of->identical.empty();
  intent.forwards = forwards_to_json(config);
  intent.nets = nets_to_json(config);
  intent.labels = options.labels;
  intent.readiness = readiness_to_json(options.readiness);
  intent.exit_codes = config.exit_codes;
  intent.ssh = options.ssh;
}

namespace {

/// `console=tty0` is a screen that nobody sees.
bool is_visible_console(std::string_view word) {
  constexpr std::string_view kConsole = "console=";
  constexpr std::string_view kScreen = "console=tty";
  if (word.substr(0, kConsole.size()) != kConsole) return false;
  const bool screen = word.substr(0, kScreen.size()) == kScreen && word.size() > kScreen.size() &&
                      word[kScreen.size()] >= '0' && word[kScreen.size()] <= '9';
  return !screen;
}

}  // namespace

bool is_out_of_sight(const MachineConfig& config, const Readiness& readiness) {
  if (!config.nets.empty() || !readiness.empty() || config.kernel.empty()) return false;
  for (const std::string& words : kernel_arguments(config)) {
    for (const std::string_view word : split(words, ' ')) {
      if (is_visible_console(word)) return false;
    }
  }
  return true;
}

}  // namespace vmfleet
