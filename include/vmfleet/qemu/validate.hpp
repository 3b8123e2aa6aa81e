// SPDX-License-Identifier: MIT
// validate: all that is impossible in a configuration, before anything is started.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <vmfleet/base/error.hpp>
#include <vmfleet/qemu/machine_config.hpp>
#include <vmfleet/qemu/qemu_binary.hpp>

namespace vmfleet {

/// One thing that cannot be, and the key that it is about (`memory`, `disk[1].file`).
struct ConfigProblem {
  ConfigProblem(std::string config_key, std::string what, std::string next = {})
      : key(std::move(config_key)), message(std::move(what)), hint(std::move(next)) {}

  std::string key;
  std::string message;
  std::string hint;
};

/// All of them at once. Files are not looked at: they may appear before the launch.
std::vector<ConfigProblem> find_problems(const MachineConfig& config);
/// What this QEMU does not have: machine type, CPU model, so many CPUs. Nothing of what it did not
/// tell when it was asked.
std::vector<ConfigProblem> find_problems(const MachineConfig& config, const QemuBinary& binary);

/// Problems as errors (`invalid_config`) that name the machine and the key.
std::vector<Error> to_errors(const MachineConfig& config, std::vector<ConfigProblem> problems);
/// All that `find_problems` finds.
std::vector<Error> validate(const MachineConfig& config);

/// `[A-Za-z0-9][A-Za-z0-9._-]{0,62}`: fit for a folder, a host name and a shell.
bool is_valid_name(std::string_view name) noexcept;

}  // namespace vmfleet
