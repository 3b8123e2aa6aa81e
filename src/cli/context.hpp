// SPDX-License-Identifier: MIT
// Context: what a command works with.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <set>
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

  /// The commands that are about a fleet, by name.
  std::set<std::string> fleet_commands;
  /// Set by a command that ends what it has begun when it is interrupted.
  bool cleans_up = false;
  /// Set, besides, when its cleanup asks guests to shut down: that may take long.
  bool waits_for_guests = false;
  /// Set when a second signal asks that cleanup to hurry.
  Event* hurry = nullptr;
  /// Set by a command whose answer is lines without an end: an interruption adds none to them.
  bool streams = false;

  /// A document on stdout.
  void answer(const json::Value& document) const;
  /// A line on stderr, unless -q.
  void say(std::string_view line) const;
  /// An error of one machine of several, on stderr.
  void complain(const MachineReport& machine) const;

  /// Commands in it, or in the hint, name the fleet and the state root as this one was given them.
  [[nodiscard]] std::string addressed(std::string text) const;
  /// The same for what names its fleet already.
  [[nodiscard]] std::string in_state_dir(const std::string& text) const;
  [[nodiscard]] Error addressed(Error error) const;
  [[nodiscard]] FleetReport addressed(FleetReport report) const;

  [[nodiscard]] std::filesystem::path state_root() const;
  /// -p, else VMFLEET_FLEET.
  [[nodiscard]] std::optional<std::string> given_fleet_name() const;
  /// That, else the fleet of `vmfleet.toml` here, else "default". A file with errors is warned of.
  /// *Errors*: when that file cannot be read, or calls the fleet what none can be called.
  [[nodiscard]] std::string fleet_name() const;
  [[nodiscard]] Fleet fleet() const;
  /// The directory of a machine of the fleet. *Errors*: `not_found`.
  [[nodiscard]] std::filesystem::path directory_of(const std::string& machine) const;
  /// The machines that patterns mean, all when there are none.
  /// *Errors*: `not_found`, also when the fleet has none at all.
  [[nodiscard]] std::vector<std::string> select(const std::vector<std::string>& patterns) const;
  /// Before these machines are changed. *Errors*: `conflict` when the fleet is that of the
  /// `vmfleet.toml` here, unasked, and they were made from another folder's.
  void require_own(const std::vector<std::string>& machines) const;

 private:
  mutable std::optional<std::string> name_here_;  ///< of the file's fleet, once it was read
};

/// The fleet file that is used when none is named.
inline constexpr const char* kFleetFile = "vmfleet.toml";

}  // namespace vmfleet::cli
