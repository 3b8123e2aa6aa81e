// SPDX-License-Identifier: MIT
// Programs in the guest, through its agent. Private to this room.
#pragma once

#include <string>
#include <vector>

#include "machine/live.hpp"

namespace vmfleet {

/// As `Machine::exec`, with `input` for the program's standard input.
Task<ProcessOutput> run_in_guest(Machine::Live& live, std::vector<std::string> argv,
                                 std::string input);

/// Whether the guest has this virtio-serial port, and whether a program there listens on it.
Task<AgentPort> look_at_port(Machine::Live& live, std::string_view chardev);
/// The same on a connection, of which QEMU serves one at a time. *Lifetime*: `client` outlives it.
Task<AgentPort> look_at_port(qmp::Client& client, std::string_view chardev);
/// Returns when the guest's agent listens; at once without a port for one. *Lifetime*: as above.
Task<void> await_agent(qmp::Client& client);

}  // namespace vmfleet
