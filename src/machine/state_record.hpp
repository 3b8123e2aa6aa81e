// SPDX-License-Identifier: MIT
// StateRecord: what of a machine's life cannot be asked again. Private to this room.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <vmfleet/instance/instance_directory.hpp>
#include <vmfleet/machine/machine_report.hpp>

namespace vmfleet {

/// What became of a machine's forwards: once it is ended, and while it is starting, in its last
/// life.
struct ForwardHistory {
  ForwardHistory() = default;

  std::vector<PortForward> ports;
  std::vector<std::string> removed;  ///< names: specified, and taken away while it ran
  std::vector<std::string> added;    ///< names, perhaps of specified ones
};

struct StateRecord {
  StateRecord() = default;

  MachineState state = MachineState::created;
  std::int64_t started_ms = 0;  ///< the first instruction of this boot, since the epoch
  /// Where this boot begins in the console's log and in that of the events: a reset starts none.
  std::uint64_t serial_begin = 0;
  std::uint64_t events_begin = 0;
  std::optional<Milliseconds> ready_after;
  ForwardHistory forwards;
  std::optional<ExitReport> exit;
  std::optional<Error> error;
  json::Object others;  ///< members that a later vmfleet has written: they are kept
};

void write_state(const InstanceDirectory& directory, const StateRecord& record);
/// nullopt when none was written. *Errors*: `corrupt`.
std::optional<StateRecord> read_state(const InstanceDirectory& directory);

}  // namespace vmfleet
