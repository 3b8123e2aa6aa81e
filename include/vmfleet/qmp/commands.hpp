// SPDX-License-Identifier: MIT
// The QMP commands that vmfleet itself uses, with their types.
#pragma once

#include <string>
#include <vector>

#include <vmfleet/qmp/client.hpp>

namespace vmfleet::qmp {

/// Errors and cancellation of all of these: as `Client::execute`.
/// *Source*: QEMU QMP reference manual (qapi/*.json).

struct Status {
  Status() = default;
  bool running = false;
  std::string state;  ///< "running", "paused", "prelaunch", "shutdown", "guest-panicked"…
};
Task<Status> query_status(Client& client);

/// In the usual form of 36 characters.
Task<std::string> query_uuid(Client& client);
/// The `-name` of the machine; "" when it has none.
Task<std::string> query_name(Client& client);
/// "7.2.22".
Task<std::string> query_version(Client& client);

/// The names of the events that this QEMU can emit.
Task<std::vector<std::string>> query_events(Client& client);

/// Lets the virtual CPUs run.
Task<void> cont(Client& client);
/// Pauses the virtual CPUs.
Task<void> stop(Client& client);
/// Presses the power button: the guest may ignore it.
Task<void> system_powerdown(Client& client);
Task<void> system_reset(Client& client);
/// Ends QEMU. That the connection ends before the reply came counts as done.
Task<void> quit(Client& client);

/// Plugs the cable of a network interface in or out; `id` is that of its device.
Task<void> set_link(Client& client, std::string id, bool up);

/// The output of a human monitor command, such as "info usernet", with its line ends.
/// *Errors*: none for a command that the monitor does not know: it says so in its output.
Task<std::string> human_monitor_command(Client& client, std::string line);

/// Gives a chardev files for both directions in place of what it had.
Task<void> chardev_change_file(Client& client, std::string id, std::string input,
                               std::string output, bool append);

}  // namespace vmfleet::qmp
