// SPDX-License-Identifier: MIT
// MachineTemplate: a machine as it was when it was ready, from which others are started.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <vmfleet/async/task.hpp>
#include <vmfleet/base/unique_fd.hpp>
#include <vmfleet/base/units.hpp>
#include <vmfleet/machine/readiness.hpp>
#include <vmfleet/qemu/machine_config.hpp>

namespace vmfleet {

/// By what a clone is given an identity of its own.
enum class Renewal {
  agent,  ///< a script that the guest agent runs: any Linux
  port,   ///< a program that waits for it: the image `tiny`, in a tenth of the time
  none,   ///< nothing: it stays as it was saved
};

/// What clones of a guest can have of their own.
struct Uniqueness {
  Uniqueness() = default;

  Renewal renewal = Renewal::none;
  /// Why they have something in common that should be their own; empty: they have not.
  std::vector<std::string> lacks;
};

/// A folder with the guest's memory, the state of all devices, and what the console had printed.
struct MachineTemplate {
  MachineTemplate() = default;

  std::string key;  ///< as of `template_key`
  std::filesystem::path directory;
  std::vector<std::string> macs;   ///< of its interfaces; a guest keeps them
  std::vector<std::string> needs;  ///< paths of what it was made with: QEMU, kernel…
  Renewal renewal = Renewal::agent;
  /// Why its clones have something in common that should be their own; empty: they have not.
  std::vector<std::string> identical;
  std::string qemu;     ///< the version, for people
  std::string created;  ///< in UTC
  Bytes memory;         ///< of the guest
  Bytes size;           ///< on the disk
  /// While a copy of it lives nobody removes the template.
  std::shared_ptr<const UniqueFd> in_use;
};

/// Why no clones of such a machine can be made; nullopt when nothing speaks against it.
std::optional<std::string> why_not_cloned(const MachineConfig& config, const Readiness& readiness);

/// Why its clones would have something in common that should be their own, as far as that can be
/// told before the guest was seen.
std::vector<std::string> why_not_unique(const MachineConfig& config);

/// Names all that decides what a machine is when it is ready: of machines with the same key, each
/// may start from the saved state of another. Names, host ports and addresses of interfaces do not
/// count. Blocking. *Errors*: `host_unfit` (no QEMU), `not_found` (a file of the configuration).
std::string template_key(MachineConfig config, const Readiness& readiness);

/// Boots such a machine, waits until it is ready, and saves it in `directory`, which it makes.
/// `identical`: also when its clones will have something in common that should be their own, for
/// these reasons and those of `why_not_unique`, and others that its guest shows.
///
/// *Errors*: those of the boot; `unavailable` with the reason when its clones could not be made or,
/// without `identical`, would not be unique. Nothing runs afterwards, and the folder holds no
/// template.
Task<void> make_template(MachineConfig config, Readiness readiness, std::string key,
                         std::filesystem::path directory,
                         std::function<void(std::string_view)> on_step = {},
                         std::optional<std::vector<std::string>> identical = std::nullopt);

/// The template in this folder; nullopt when there is none that is whole. Blocking.
std::optional<MachineTemplate> read_template(const std::filesystem::path& directory);

}  // namespace vmfleet
