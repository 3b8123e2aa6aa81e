// SPDX-License-Identifier: MIT
// What the event log says of a machine's life and end. Private to this room.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <vmfleet/instance/instance_directory.hpp>
#include <vmfleet/instance/intent.hpp>
#include <vmfleet/io/process.hpp>
#include <vmfleet/machine/machine_report.hpp>

namespace vmfleet {

/// Whether the guest's processors are halted, as the events since its launch tell.
bool is_paused(const InstanceDirectory& directory, const Intent& intent);

/// QEMU's exit status → "success" or the user's word.
using ExitCodes = std::map<int, std::string>;

/// Why it ended, in QEMU's words where it had any; `status` when we were its parent.
ExitReport explain_exit(const InstanceDirectory& directory, std::optional<ExitStatus> status,
                        const ExitCodes& codes);
/// Whether the guest ended by itself, and with success.
bool succeeded(const ExitReport& exit, const ExitCodes& codes);
/// `stopped` for an end that somebody wanted, the guest or who looks after it; else `crashed`.
MachineState state_after(const ExitReport& exit);

/// The last lines of the serial console, sanitised.
std::vector<std::string> last_serial_lines(const InstanceDirectory& directory, std::size_t count);
/// What QEMU printed on stderr, sanitised, its last lines.
std::vector<std::string> qemu_words(const InstanceDirectory& directory);

}  // namespace vmfleet
