// SPDX-License-Identifier: MIT
// SSH keys: the pair that machines of a state root are entered with, and who may enter which.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include <vmfleet/async/task.hpp>
#include <vmfleet/instance/intent.hpp>

namespace vmfleet {

/// Where the private key of a state root is, made or not; the public one is beside it, `.pub`.
std::filesystem::path default_ssh_key(const std::filesystem::path& state_root);

/// Makes that pair unless it is there; of several commands at once all use the same one.
/// *Errors*: `host_unfit` (no ssh-keygen, or a user without a name), `unavailable` (no room),
/// `conflict` (half of a pair). *Cancellation*: the pair is there whole, or not at all.
Task<void> make_ssh_key(std::filesystem::path state_root);

/// The public half of `private_key`, one line. Blocking.
/// *Errors*: `invalid_config` when either half is missing or is no key.
std::string read_public_key(const std::filesystem::path& private_key);

/// How to log in to a machine; nullopt when it was not made for that. Blocking.
/// *Errors*: `not_found` (no such machine), `corrupt`.
std::optional<SshLogin> ssh_login(const std::filesystem::path& instance_directory);

}  // namespace vmfleet
