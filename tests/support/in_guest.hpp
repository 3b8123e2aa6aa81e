// SPDX-License-Identifier: MIT
// in_guest: what a shell in a Linux guest does, through the guest agent.
#pragma once

#include <string>
#include <utility>

#include <vmfleet/async/task.hpp>
#include <vmfleet/machine/machine.hpp>
#include <vmfleet/qmp/agent_client.hpp>

namespace vmfleet::test {

/// Starts a shell with this line; its output comes on the console, where nothing echoes the line.
inline Task<void> in_guest(Machine& machine, std::string line) {
  constexpr Milliseconds kPatience(30'000);
  UnixSocket socket = co_await UnixSocket::connect(machine.directory() / "agent.sock");
  auto agent = co_await qmp::AgentClient::attach(std::move(socket), kPatience);
  co_await agent.ping(kPatience);
  json::Array words;
  words.emplace_back("-c");
  words.emplace_back("{ " + line + "; } >/dev/console 2>&1");
  json::Object arguments;
  arguments.set("path", "/bin/sh").set("arg", std::move(words));
  json::Value request(std::move(arguments));
  co_await agent.execute("guest-exec", std::move(request));
}

/// Waits until the console has shown all of these texts.
inline Task<void> wait_said(Machine& machine, std::vector<std::string> texts) {
  Readiness said;
  said.serial = std::move(texts);
  said.timeout = Milliseconds(60'000);
  co_await machine.wait_for(said);
}

}  // namespace vmfleet::test
