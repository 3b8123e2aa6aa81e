// SPDX-License-Identifier: MIT
// The guest `tiny` for aarch64: Linux under emulation, from the packages to its end.
#include <vmfleet/fleet/fleet.hpp>
#include <vmfleet/io/files.hpp>
#include <vmfleet/machine/machine.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/in_guest.hpp"
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
    if (machine.error) FAIL(machine.error->message());
  }
  REQUIRE(up.ready() == 1);
  Machine machine = co_await Machine::adopt(fleet.directory_of("vm-0"));
  co_await in_guest(machine,
                    "mount -t 9p -o trans=virtio,version=9p2000.L shared /tmp; "
                    "echo \"$(uname -m) $(hostname) $(cat /tmp/greeting)\"");
  const std::vector<std::string> greeting{"aarch64 vm-0 from the host"};
  co_await wait_said(machine, greeting);
  const StopReport stopped = co_await machine.stop();
  REQUIRE(stopped.rung == StopRung::powerdown);
  REQUIRE(stopped.exit.kind == "guest-shutdown");
  const FleetReport down = co_await fleet.down();
  REQUIRE(down.failed() == 0);
}
