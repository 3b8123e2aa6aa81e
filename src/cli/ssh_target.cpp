// SPDX-License-Identifier: MIT
// Options of ssh.
#include "cli/ssh_target.hpp"

#include <utility>

#include <fmt/format.h>

#include <vmfleet/base/error.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/fleet/ssh_key.hpp>
#include <vmfleet/machine/machine.hpp>

#include "cli/require_program.hpp"

namespace vmfleet::cli {

namespace {

/// What holds for every machine. Its host key is made anew with it, so remembering it would only
/// warn of the next one; nobody but this host is on the way.
std::vector<std::pair<std::string, std::string>> settings_of(const SshTarget& target) {
  std::vector<std::pair<std::string, std::string>> settings{
      {"StrictHostKeyChecking", "no"},
      {"UserKnownHostsFile", "/dev/null"},
      {"GlobalKnownHostsFile", "/dev/null"},
      {"LogLevel", "ERROR"},
      {"ConnectTimeout", "30"},
  };
  if (!target.key.empty()) settings.emplace_back("IdentitiesOnly", "yes");
  return settings;
}

/// A word of ssh_config(5). In quotes all bytes are themselves but these two.
std::string quoted(const std::string& text) {
  std::string word = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') word += '\\';
    word += c;
  }
  return word + '"';
}

/// ssh expands `%` and `${` in the names of keys, and has no escape for the second: there the name
/// that the host's key would be remembered by is put in, which is a `$` then.
constexpr const char* kEnvironment = "${";
std::string key_pattern(const std::string& path) {
  return quoted(replace_all(replace_all(path, "%", "%%"), kEnvironment, "%k{"));
}

/// What holds for the key. Not as `-i`: ssh looks for that file before it expands its name.
std::vector<std::pair<std::string, std::string>> key_settings_of(const SshTarget& target) {
  std::vector<std::pair<std::string, std::string>> settings;
  if (target.key.empty()) return settings;
  settings.emplace_back("IdentityFile", key_pattern(target.key));
  if (target.key.find(kEnvironment) != std::string::npos) {
    settings.emplace_back("HostKeyAlias", "$");
  }
  return settings;
}

std::string format_entry(const SshTarget& target) {
  if (!fits_ssh_config(target)) {
    throw Error(ErrorKind::invalid_config,
                fmt::format("ssh_config(5) cannot hold a line break, as {} has it",
                            target.user.find('\n') == std::string::npos
                                ? "the key's path " + sanitize(target.key)
                                : "the user's name " + sanitize(target.user)))
        .hint("'vmfleet ssh' and 'vmfleet cp' can; or another --state-dir, or ssh.key = PATH");
  }
  std::string text = fmt::format("Host {}\n  HostName {}\n  Port {}\n  User {}\n", target.name,
                                 target.host, target.port, quoted(target.user));
  for (const auto& settings : {key_settings_of(target), settings_of(target)}) {
    for (const auto& [name, value] : settings) text += fmt::format("  {} {}\n", name, value);
  }
  return text;
}

}  // namespace

SshTarget find_ssh_target(const std::filesystem::path& instance_directory) {
  const MachineReport machine = inspect_machine(instance_directory);
  if (!machine.pid) {
    throw Error(ErrorKind::exited, fmt::format("{} does not run", machine.name))
        .hint("start it with: vmfleet start " + machine.name);
  }
  const PortForward* port = find_ssh_port(machine.ports);
  if (port == nullptr) {
    throw Error(ErrorKind::invalid_config,
                fmt::format("{} has no forward to an SSH server", machine.name))
        .hint("add one to the fleet file, forward = [\"ssh:22\"], or: vmfleet up --forward ssh:22");
  }
  SshTarget target;
  target.name = machine.name;
  target.host = port->host_addr == "0.0.0.0" ? "127.0.0.1" : port->host_addr;
  target.port = port->host_port;
  target.user = "root";
  if (const auto login = ssh_login(instance_directory)) {
    target.user = login->user;
    target.key = login->key;
  }
  return target;
}

std::vector<SshTarget> find_ssh_targets(const std::vector<std::filesystem::path>& directories) {
  std::vector<SshTarget> targets;
  for (const auto& directory : directories) {
    try {
      targets.push_back(find_ssh_target(directory));
    } catch (const Error&) {
      continue;
    }
  }
  return targets;
}

std::vector<std::string> ssh_command(const SshTarget& target,
                                     const std::vector<std::string>& words) {
  require_program("ssh");
  std::vector<std::string> argv{"ssh", "-F", "none"};
  for (const auto& settings : {key_settings_of(target), settings_of(target)}) {
    for (const auto& [name, value] : settings) {
      argv.emplace_back("-o");
      argv.push_back(name + "=" + value);
    }
  }
  for (const auto& word : {std::string("-p"), std::to_string(target.port), std::string("-l"),
                           target.user, std::string("--"), target.host}) {
    argv.push_back(word);
  }
  argv.insert(argv.end(), words.begin(), words.end());
  return argv;
}

bool fits_ssh_config(const SshTarget& target) {
  return (target.user + target.key).find('\n') == std::string::npos;
}

std::string format_ssh_config(const std::vector<SshTarget>& targets) {
  std::string text;
  for (const auto& target : targets) text += (text.empty() ? "" : "\n") + format_entry(target);
  return text;
}

json::Value to_json(const SshTarget& target) {
  json::Object object;
  object.set("name", target.name);
  object.set("host", target.host);
  object.set("port", static_cast<std::int64_t>(target.port));
  object.set("user", target.user);
  if (!target.key.empty()) object.set("key", target.key);
  return object;
}

}  // namespace vmfleet::cli
