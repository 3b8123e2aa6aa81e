// SPDX-License-Identifier: MIT
// Injections of the fleet's own.
#include "fleet/offers.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <vmfleet/base/json.hpp>
#include <vmfleet/qemu/injected_files.hpp>

namespace vmfleet {

namespace {

/// Unless there is something in its place.
void offer(MachineConfig& config, Injection injection) {
  const std::string name = firmware_name(config, injection);
  const auto same = [&](const Injection& other) {
    return (other.via == injection.via && other.path == injection.path) ||
           (!name.empty() && firmware_name(config, other) == name);
  };
  const auto same_entry = [&](const FwCfg& entry) { return !name.empty() && entry.name == name; };
  const bool taken = std::any_of(config.injections.begin(), config.injections.end(), same) ||
                     std::any_of(config.fw_cfg.begin(), config.fw_cfg.end(), same_entry);
  if (!taken) config.injections.push_back(std::move(injection));
}

Injection of_file(InjectionWay via, const char* path, const std::string& file) {
  Injection injection;
  injection.via = via;
  injection.path = path;
  injection.source = file;
  return injection;
}

/// YAML, in which JSON's strings are strings.
std::string user_data(const SshAccess& access, const std::string& public_key) {
  const auto quoted = [](const std::string& text) { return json::write(json::Value(text)); };
  const std::string user = access.user == "root" ? "disable_root: false\n"
                                                 : fmt::format("user: {}\n", quoted(access.user));
  return fmt::format("#cloud-config\n{}ssh_authorized_keys:\n  - {}\n", user, quoted(public_key));
}

}  // namespace

void offer_hostname(MachineConfig& config) {
  Injection hostname;
  hostname.path = "vmfleet/hostname";
  hostname.text = config.name;
  offer(config, std::move(hostname));
}

void offer_key(MachineConfig& config, const SshAccess& access,
               const std::filesystem::path& private_key, const std::string& public_key) {
  const std::string file = private_key.string() + ".pub";
  offer(config, of_file(InjectionWay::fw_cfg, "vmfleet/authorized_keys", file));
  offer(config, of_file(InjectionWay::credential, "ssh.authorized_keys.root", file));
  if (!has_cloud_disk(config)) return;
  Injection data;
  data.via = InjectionWay::cloud_init;
  data.path = "user-data";
  data.text = user_data(access, public_key);
  offer(config, std::move(data));
}

}  // namespace vmfleet
