// SPDX-License-Identifier: MIT
// Intent: what is about to be started, on disk before the fork.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <vmfleet/base/error.hpp>
#include <vmfleet/base/json.hpp>
#include <vmfleet/base/units.hpp>
#include <vmfleet/instance/instance_directory.hpp>

namespace vmfleet {

/// Who may log in to the guest.
struct SshLogin {
  SshLogin() = default;
  SshLogin(std::string name, std::string private_key)
      : user(std::move(name)), key(std::move(private_key)) {}

  std::string user;
  std::string key;  ///< path of the private key; empty: the guest was given none

  bool operator==(const SshLogin&) const = default;
};

/// After the fork nothing more needs writing for the machine to be found again.
struct Intent {
  Intent() = default;

  std::string fleet;
  std::string name;
  std::string uuid;
  std::string boot_id;          ///< of the host's boot: another one means that nothing of it lives
  std::int64_t created_ms = 0;  ///< since the epoch
  std::vector<std::string> argv;
  std::string spec_hash;
  json::Value spec;  ///< what it was made from, to start it again
  std::string accel;
  std::int64_t stop_grace_ms = 10'000;      ///< how long the guest may take to shut down
  std::optional<Bytes> log_limit;           ///< of each log on the disk
  bool ephemeral = false;                   ///< it belongs to the process that starts it
  std::string template_key;                 ///< of the template that it was cloned from
  bool identical = false;                   ///< to other clones of it, in what should be its own
  bool paused = false;                      ///< it was to stay at its first instruction
  json::Value forwards;                     ///< the forwards that were asked for, with their names
  std::vector<std::string> named_forwards;  ///< those whose ports it was given as {port:NAME}
  std::map<std::string, std::string> labels;
  json::Value nets;                       ///< its interfaces, as `inspect` shows them
  json::Value readiness;                  ///< what was to be waited for
  std::map<int, std::string> exit_codes;  ///< QEMU's exit status → "success" or the user's word
  std::vector<std::string> staged_files;  ///< names of disks in the directory
  std::optional<SshLogin> ssh;            ///< empty: it was not made for that
  bool rebuilt = false;  ///< it was lost while the machine ran; this is what QEMU tells
};

void write_intent(const InstanceDirectory& directory, const Intent& intent);
/// nullopt when none was written. *Errors*: `corrupt`.
std::optional<Intent> read_intent(const InstanceDirectory& directory);
/// The same, and a damaged record is left as it is.
std::optional<Intent> peek_intent(const InstanceDirectory& directory);

/// Of a machine whose intent was lost: `corrupt`, and what was set aside.
Error lost_intent(const InstanceDirectory& directory);

/// This boot of this host. *Source*: random(4), /proc/sys/kernel/random/boot_id.
std::string host_boot_id();

}  // namespace vmfleet
