// SPDX-License-Identifier: MIT
// Stopping: the ladder from a polite request to SIGKILL, and which rung worked.
#pragma once

#include <string_view>

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
  /// How long the guest may take to shut down; 0 does not ask it.
  Milliseconds grace{10'000};
  /// How long QEMU may take for each of `quit` and SIGTERM; 0 for both skips to SIGKILL.
  Milliseconds patience{2'000};

  /// SIGKILL at once.
  static StopOptions kill() {
    StopOptions options;
    options.grace = options.patience = Milliseconds(0);
    return options;
  }
};

struct StopReport {
  StopReport() = default;
  StopRung rung = StopRung::already_stopped;
  ExitReport exit;
  Milliseconds took{0};
};

}  // namespace vmfleet
