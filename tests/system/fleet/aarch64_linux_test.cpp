// SPDX-License-Identifier: MIT
// The guest `tiny` for aarch64: Linux under emulation, from the packages to its end.
#include <vmfleet/fleet/fleet.hpp>
#include <vmfleet/io/files.hpp>
#include <vmfleet/machine/machine.hpp>
#include <vmfleet/qmp/agent_client.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/process_leak_guard.hpp"
#include "tests/support/temp_dir.hpp"

#include <vmfleet/testkit/catch2.hpp>

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

FleetSpec linux_on_aarch64(const std::filesystem::path& shared) {
  FleetOptions options;
  options.fleet = "demo";
  options.arch = "aarch64";
  options.accel = "tcg";
  options.memory = "256M";
  options.forwards = {"ssh:22"};
  options.ready = {"serial=vmfleet: guest ready", "ssh", "agent"};
  FleetSpec spec = FleetSpec::from_options(options);
  Share share;
  share.path = shared.string();
  share.tag = "shared";
  spec.machines[0].config.shares.push_back(share);
  return spec;
}

/// What a shell in the guest does, with its output on the console.
Task<void> in_guest(std::filesystem::path agent_socket, std::string line) {
  UnixSocket socket = co_await UnixSocket::connect(std::move(agent_socket));
  auto agent = co_await qmp::AgentClient::attach(std::move(socket), Milliseconds(30'000));
  co_await agent.ping(Milliseconds(30'000));
  json::Array words;
  words.emplace_back("-c");
  words.emplace_back("{ " + line + "; } >/dev/console 2>&1");
  json::Object arguments;
  arguments.set("path", "/bin/sh").set("arg", std::move(words));
  json::Value request(std::move(arguments));
  co_await agent.execute("guest-exec", std::move(request));
}

}  // namespace

VMFLEET_ASYNC_TEST_CASE(
    "Linux on aarch64: marker, sshd, agent, host name, shared folder, power button") {
  ProcessLeakGuard guard;
  const TempDir root;
  std::filesystem::create_directories(root / "shared");
  files::write_atomically(root / "shared/greeting", "from the host\n");
  Fleet fleet(root / "state", "demo");
  const FleetReport up = co_await fleet.up(linux_on_aarch64(root / "shared"));
  for (const auto& machine : up.machines) {
    if (machine.error) FAIL(machine.error->what());
  }
  REQUIRE(up.ready() == 1);
  Machine machine = co_await Machine::adopt(fleet.directory_of("vm-0"));
  co_await in_guest(machine.directory() / "agent.sock",
                    "mount -t 9p -o trans=virtio,version=9p2000.L shared /tmp; "
                    "echo \"$(uname -m) $(hostname) $(cat /tmp/greeting)\"");
  Readiness said;
  said.serial = {"aarch64 vm-0 from the host"};
  said.timeout = Milliseconds(30'000);
  co_await machine.wait_for(said);
  const StopReport stopped = co_await machine.stop();
  REQUIRE(stopped.rung == StopRung::powerdown);
  REQUIRE(stopped.exit.kind == "guest-shutdown");
  const FleetReport down = co_await fleet.down();
  REQUIRE(down.failed() == 0);
}
