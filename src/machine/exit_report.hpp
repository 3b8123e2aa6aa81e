// SPDX-License-Identifier: MIT
// What the event log says of a machine's life and end. Private to this room.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <vmfleet/instance/instance_directory.hpp>
#include <vmfleet/io/process.hpp>
#include <vmfleet/machine/machine_report.hpp>

namespace vmfleet {

/// The end of the event log, read once.
struct EventSummary {
  EventSummary() = default;
  bool paused = false;  ///< the last of STOP and RESUME was STOP
  bool panicked = false;
  std::string shutdown_reason;  ///< QEMU's word; empty when it did not say
};
EventSummary summarize_events(const InstanceDirectory& directory);

/// Why it ended, in QEMU's words where it had any; `status` when we were its parent.
ExitReport explain_exit(const InstanceDirectory& directory, std::optional<ExitStatus> status);

/// The last lines of the serial console, sanitised.
std::vector<std::string> last_serial_lines(const InstanceDirectory& directory, std::size_t count);
/// What QEMU printed on stderr, sanitised, its last lines.
std::vector<std::string> qemu_words(const InstanceDirectory& directory);

}  // namespace vmfleet
