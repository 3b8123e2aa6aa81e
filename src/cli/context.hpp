// SPDX-License-Identifier: MIT
// Context: what a command works with.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <vmfleet/async/event.hpp>
#include <vmfleet/async/loop.hpp>
#include <vmfleet/base/json.hpp>
#include <vmfleet/fleet/fleet.hpp>

#include "cli/globals.hpp"
#include "cli/stream.hpp"

namespace vmfleet::cli {

class Context {
 public:
  explicit Context(const Globals& globals);

  const Globals& globals;
  Stream out;
  Stream err;
  /// The exit code is that of the program that the command runs: failures of ours have one code.
  bool passes_code = false;
  /// Set while another program is in the foreground: signals are its, and cancel nothing.
  std::function<void(int signal)> relay_signal;
  /// Set while a live display is on the screen, which has the lines at the cursor: tells above it.
  std::function<void(const std::string& line)> say_above;

  /// A document on stdout.
  void answer(const json::Value& document) const;
  /// A line on stderr, unless -q.
  void say(std::string_view line) const;
  /// An error of one machine of several, on stderr.
  void complain(const MachineReport& machine) const;

  [[nodiscard]] std::filesystem::path state_root() const;
  /// -p, else VMFLEET_FLEET.
  [[nodiscard]] std::optional<std::string> given_fleet_name() const;
  /// That, else the fleet of `vmfleet.toml` here, else "default".
  /// *Errors*: `invalid_config` when that file cannot be read.
  [[nodiscard]] std::string fleet_name() const;
  [[nodiscard]] Fleet fleet() const;
  /// The directory of a machine of the fleet. *Errors*: `not_found`.
  [[nodiscard]] std::filesystem::path directory_of(const std::string& machine) const;
  /// The machines that patterns mean, all when there are none.
  /// *Errors*: `not_found`, also when the fleet has none at all.
  [[nodiscard]] std::vector<std::string> select(const std::vector<std::string>& patterns) const;
};

/// The fleet file that is used when none is named.
inline constexpr const char* kFleetFile = "vmfleet.toml";

}  // namespace vmfleet::cli
