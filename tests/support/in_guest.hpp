// SPDX-License-Identifier: MIT
// What a shell in a Linux guest does, through the guest agent.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <vmfleet/async/task.hpp>
#include <vmfleet/machine/machine.hpp>

namespace vmfleet::test {

/// What the shell prints for this line.
inline Task<std::string> said_in_guest(Machine& machine, std::string line) {
  std::vector<std::string> argv;
  for (const char* word : {"/bin/sh", "-c"}) argv.emplace_back(word);
  argv.push_back(std::move(line));
  const ProcessOutput output = co_await machine.exec(std::move(argv));
  co_return output.out + output.err;
}

/// The same on the console, where nothing echoes the line.
inline Task<void> in_guest(Machine& machine, std::string line) {
  co_await said_in_guest(machine, "{ " + std::move(line) + "; } >/dev/console 2>&1");
}

/// Waits until the console has shown all of these texts.
inline Task<void> wait_said(Machine& machine, std::vector<std::string> texts) {
  Readiness said;
  said.serial = std::move(texts);
  said.timeout = Milliseconds(60'000);
  co_await machine.wait_for(said);
}

}  // namespace vmfleet::test
