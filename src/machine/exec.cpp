// SPDX-License-Identifier: MIT
// Programs in the guest, through its agent.
#include <algorithm>

#include <fmt/format.h>

#include <vmfleet/async/time.hpp>
#include <vmfleet/qemu/wires.hpp>
#include <vmfleet/qmp/agent_client.hpp>

#include "machine/guest_program.hpp"

namespace vmfleet {

namespace {

// The agent serves one client at a time, and another may be talking to it.
constexpr Milliseconds kProgramPatience(10'000);
// It does not announce the end of a program.
constexpr Milliseconds kFirstPause(5);
constexpr Milliseconds kLongestPause(250);

/// For one command, so that others have their turn while a program runs.
Task<qmp::AgentClient> attach(const InstanceDirectory& directory) {
  UnixSocket socket = co_await UnixSocket::connect(directory.file(instance_file::kAgent));
  co_return co_await qmp::AgentClient::attach(std::move(socket), kProgramPatience);
}

Task<std::int64_t> start(const InstanceDirectory& directory, std::vector<std::string> argv,
                         std::string input) {
  qmp::AgentClient agent = co_await attach(directory);
  co_return co_await agent.start(std::move(argv), std::move(input));
}

Task<std::optional<ProcessOutput>> outcome(const InstanceDirectory& directory,
                                           std::int64_t process) {
  qmp::AgentClient agent = co_await attach(directory);
  co_return co_await agent.outcome(process);
}

Task<ProcessOutput> await_program(const InstanceDirectory& directory, std::vector<std::string> argv,
                                  std::string input) {
  const std::int64_t process = co_await start(directory, std::move(argv), std::move(input));
  for (Milliseconds pause = kFirstPause;; pause = std::min(2 * pause, kLongestPause)) {
    co_await sleep_for(pause);
    std::optional<ProcessOutput> output = co_await outcome(directory, process);
    if (output) co_return std::move(*output);
  }
}

}  // namespace

Task<AgentPort> look_at_port(qmp::Client& client, std::string_view chardev) {
  const json::Value chardevs = co_await client.execute("query-chardev");
  const json::Array* list = chardevs.as_array();
  if (list == nullptr) co_return AgentPort::absent;
  for (const auto& one : *list) {
    if (one.text("label") != chardev) continue;
    co_return one.flag("frontend-open", false) ? AgentPort::open : AgentPort::closed;
  }
  co_return AgentPort::absent;
}

Task<AgentPort> look_at_port(Machine::Live& live, std::string_view chardev) {
  qmp::Client client = co_await live.connect();
  co_return co_await look_at_port(client, chardev);
}

Task<void> await_agent(qmp::Client& client) {
  qmp::EventStreamOptions wanted;
  wanted.names.emplace_back("VSERPORT_CHANGE");
  qmp::EventStream changes = client.events(wanted);
  for (;;) {
    const AgentPort port = co_await look_at_port(client, kAgentChardev);
    if (port != AgentPort::closed) co_return;
    co_await changes.next();
  }
}

Task<ProcessOutput> run_in_guest(Machine::Live& live, std::vector<std::string> argv,
                                 std::string input) {
  try {
    co_return co_await await_program(live.directory, std::move(argv), std::move(input));
  } catch (const Error& error) {
    throw Error(error).context(live.intent.name);
  }
}

Task<AgentPort> Machine::agent_port() {
  return with_qemu(*live_, look_at_port(*live_, kAgentChardev));
}

Task<ProcessOutput> Machine::exec(std::vector<std::string> argv) {
  if (argv.empty()) throw Error(ErrorKind::invalid_config, "there is no program to run");
  co_return co_await with_qemu(*live_, run_in_guest(*live_, std::move(argv), ""));
}

}  // namespace vmfleet
