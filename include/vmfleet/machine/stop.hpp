// SPDX-License-Identifier: MIT
// Stopping: the ladder from a polite request to SIGKILL, and which rung worked.
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

#include <vmfleet/async/event.hpp>
#include <vmfleet/async/task.hpp>
#include <vmfleet/base/units.hpp>
#include <vmfleet/machine/machine_report.hpp>

namespace vmfleet {

enum class StopRung {
  already_stopped,
  powerdown,  ///< the guest was asked (ACPI power button) and shut down
  quit,       ///< QEMU was asked
  sigterm,
  sigkill,
};

std::string_view to_string(StopRung rung) noexcept;

struct StopOptions {
  StopOptions() = default;
  /// How long the guest may take to shut down; 0 does not ask it. Empty: as long as the machine was
  /// launched to be given (`LaunchOptions::stop_grace`), but as long as nobody has seen it come up
  /// no longer than it has run. A paused guest is not asked.
  std::optional<Milliseconds> grace;
  /// How long QEMU may take for each of `quit` and SIGTERM; 0 for both skips to SIGKILL.
  Milliseconds patience{2'000};
  /// When it is set, before or meanwhile, the guest is not waited for any more, and QEMU only for a
  /// moment. What is asked to hurry ends like all others: by itself or by SIGKILL, and recorded.
  /// *Lifetime*: outlives the stop.
  Event* hurry = nullptr;
  /// Whether its directory goes too: records, logs and staged disks.
  bool remove = false;

  /// SIGKILL at once.
  static StopOptions kill() {
    StopOptions options;
    options.grace = Milliseconds(0);
    options.patience = Milliseconds(0);
    return options;
  }
};

struct StopReport {
  StopReport() = default;
  StopRung rung = StopRung::already_stopped;
  ExitReport exit;
  Milliseconds took{0};
};

/// Ends a machine by its directory, running or not: what `Machine::stop` does, without adopting it
/// first. No other command can work on it from the look at QEMU to the directory's removal.
///
/// *Errors*: `not_found`; `conflict` when another command keeps working on it, or when the
/// directory to be removed holds files of others, which are left alone.
Task<StopReport> end_machine(std::filesystem::path instance_directory, StopOptions options);

}  // namespace vmfleet
