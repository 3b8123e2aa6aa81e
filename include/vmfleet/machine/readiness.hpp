// SPDX-License-Identifier: MIT
// Readiness: what must be seen before a machine counts as ready, and what means that it never will.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <vmfleet/base/units.hpp>

namespace vmfleet {

/// Without a condition a machine is `running` as soon as its processors run.
struct Readiness {
  /// A timeout that never passes: longer than any machine lives.
  static constexpr Milliseconds kNoTimeout = std::chrono::hours(24 * 365);

  Readiness() = default;

  std::vector<std::string> serial;  ///< literal texts on the serial console
  std::vector<std::string> regex;   ///< RE2 expressions, matched by line
  std::vector<std::string> ports;   ///< forwards, by name, from which the guest sends bytes
  bool ssh = false;                 ///< an SSH banner from the forward `ssh` (or that to port 22)
  bool agent = false;               ///< the guest agent answers
  std::vector<std::string> events;  ///< QMP events, by name
  bool exit = false;                ///< the machine ends by itself, successfully
  bool any = false;                 ///< one of them is enough; else all must hold
  Milliseconds timeout{120'000};    ///< from the first instruction on; of a `wait_for`, from now on
  /// Literal texts that mean failure; they replace the default crash patterns.
  std::optional<std::vector<std::string>> fail;

  [[nodiscard]] bool empty() const noexcept {
    return serial.empty() && regex.empty() && ports.empty() && !ssh && !agent && events.empty() &&
           !exit;
  }
  bool operator==(const Readiness&) const = default;
};

}  // namespace vmfleet
