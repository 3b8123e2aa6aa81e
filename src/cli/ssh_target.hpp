// SPDX-License-Identifier: MIT
// How ssh reaches a machine: address, user, key, and no memory of host keys.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <vmfleet/base/json.hpp>

namespace vmfleet::cli {

struct SshTarget {
  SshTarget() = default;

  std::string name;
  std::string host;
  std::uint16_t port = 0;
  std::string user;
  std::string key;  ///< path of the private key; empty: the user's own keys
};

/// *Errors*: `exited` (it does not run), `invalid_config` (its port 22 is not forwarded).
SshTarget find_ssh_target(const std::filesystem::path& instance_directory);

/// Those of the machines that can be logged in to.
std::vector<SshTarget> find_ssh_targets(const std::vector<std::filesystem::path>& directories);

/// `ssh`, everything that reaches the machine, and then `words`, which a shell in the guest reads.
/// *Errors*: `host_unfit` (this host has no `ssh`).
std::vector<std::string> ssh_command(const SshTarget& target,
                                     const std::vector<std::string>& words = {});

/// Whether lines can hold it: they have no escape for their end.
bool fits_ssh_config(const SshTarget& target);

/// Entries of ssh_config(5). *Errors*: `invalid_config` (one does not fit).
std::string format_ssh_config(const std::vector<SshTarget>& targets);
json::Value to_json(const SshTarget& target);

}  // namespace vmfleet::cli
