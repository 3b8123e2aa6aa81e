// SPDX-License-Identifier: MIT
// Fleets, on a real QEMU and on the fake one alike.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <map>

#include <vmfleet/async/task_group.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/instance/intent.hpp>
#include <vmfleet/instance/locks.hpp>
#include <vmfleet/machine/machine.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/fleet_fixture.hpp"

#include <vmfleet/testkit/catch2.hpp>

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

const std::vector<std::string> kAnyVm{"vm-*"};
const std::vector<std::string> kFirst{"vm-0"};
const std::vector<std::string> kSecond{"vm-1"};

/// How often this process has `file` open.
std::size_t times_open(const std::filesystem::path& file) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    if (std::filesystem::read_symlink(entry.path(), gone) == file) ++count;
  }
  return count;
}

}  // namespace

VMFLEET_ASYNC_TEST_CASE("a fleet comes up, repeats itself without effect, and goes down") {
  Demo demo;
  const FleetReport first = co_await demo.fleet.up(spec_of(4));
  REQUIRE(first.ready() == 4);
  REQUIRE(first.failed() == 0);
  std::map<std::uint16_t, std::string> ports;
  for (const auto& machine : first.machines) {
    REQUIRE(machine.ready_after.has_value());
    REQUIRE(machine.ports.size() == 1);
    ports[machine.ports[0].host_port] = machine.name;
  }
  REQUIRE(ports.size() == 4);
  const FleetReport again = co_await demo.fleet.up(spec_of(4));
  REQUIRE(pids(again) == pids(first));
  const FleetReport more = co_await demo.fleet.up(spec_of(5));
  REQUIRE(more.ready() == 5);
  REQUIRE(pids(more)["vm-0"] == pids(first)["vm-0"]);
  const FleetReport down = co_await demo.down();
  REQUIRE(down.machines.size() == 5);
  REQUIRE(down.failed() == 0);
  REQUIRE_FALSE(demo.exists());
  REQUIRE(demo.guard.leaked().empty());
}

VMFLEET_ASYNC_TEST_CASE("a machine that was killed is started again by the next up") {
  Demo demo;
  const FleetReport first = co_await demo.fleet.up(spec_of(2));
  auto before = pids(first);
  ::kill(before["vm-1"], SIGKILL);
  co_await wait_until_ended(demo.root / "demo/vm-1");
  REQUIRE(demo.fleet.status({"vm-1"}).machines[0].state == MachineState::crashed);
  const FleetReport second = co_await demo.fleet.up(spec_of(2));
  auto after = pids(second);
  REQUIRE(second.ready() == 2);
  REQUIRE(after["vm-0"] == before["vm-0"]);
  REQUIRE(after["vm-1"] != before["vm-1"]);
  co_await demo.down();
}

VMFLEET_ASYNC_TEST_CASE("one failing machine does not take the others with it") {
  Demo demo;
  FleetSpec spec = spec_of(3);
  spec.machines[1].config.kernel = testkit::guest_path("panic").string();
  const FleetReport report = co_await demo.fleet.up(spec);
  REQUIRE(report.ready() == 2);
  REQUIRE(report.failed() == 1);
  REQUIRE(report.machines[1].state == MachineState::failed);
  REQUIRE(report.machines[1].error->kind() == ErrorKind::exited);
  REQUIRE_FALSE(report.machines[1].pid.has_value());
  co_await demo.down();
}

VMFLEET_ASYNC_TEST_CASE("a changed configuration is a conflict, until it may be replaced") {
  Demo demo;
  const FleetReport first = co_await demo.fleet.up(spec_of(1, "button"));
  FleetSpec changed = spec_of(1, "marker");
  const FleetReport refused = co_await demo.fleet.up(changed);
  REQUIRE(refused.machines[0].error->kind() == ErrorKind::conflict);
  REQUIRE(demo.fleet.status().machines[0].pid == first.machines[0].pid);
  UpOptions replace;
  replace.recreate = true;
  const FleetReport replaced = co_await demo.fleet.up(changed, replace);
  REQUIRE(replaced.ready() == 1);
  REQUIRE(replaced.machines[0].pid != first.machines[0].pid);
  co_await demo.down();
}

VMFLEET_ASYNC_TEST_CASE("never more machines boot at once than allowed") {
  Demo demo;
  UpOptions options;
  options.max_boot = 2;
  std::map<std::string, bool> booting;
  std::size_t most = 0;
  options.progress = [&](const ProgressEvent& event) {
    booting[event.machine] =
        event.state == MachineState::starting || event.state == MachineState::booting;
    std::size_t now = 0;
    for (const auto& [name, is] : booting) now += is ? 1 : 0;
    most = std::max(most, now);
  };
  const FleetReport report = co_await demo.fleet.up(spec_of(5), options);
  REQUIRE(report.ready() == 5);
  REQUIRE(most == 2);
  co_await demo.down();
}

VMFLEET_ASYNC_TEST_CASE("two ups at once converge on the same machines") {
  Demo demo;
  const std::vector<FleetReport> reports = co_await demo.up_at_once(spec_of(3), 4);
  for (const auto& report : reports) {
    for (const auto& machine : report.machines) {
      if (machine.error) INFO(machine.error->message());
      REQUIRE_FALSE(machine.error.has_value());
    }
    REQUIRE(report.ready() == 3);
    REQUIRE(pids(report) == pids(reports[0]));
  }
  co_await demo.down();
}

VMFLEET_ASYNC_TEST_CASE("up without waiting leaves a machine that still boots alone") {
  Demo demo;
  UpOptions options;
  options.wait = false;
  const FleetReport first = co_await demo.fleet.up(spec_of(1, "hang"), options);
  const FleetReport again = co_await demo.fleet.up(spec_of(1, "hang"), options);
  REQUIRE(pids(again) == pids(first));
  co_await demo.down();
}

VMFLEET_ASYNC_TEST_CASE("down waits for a command that is about to finish") {
  Demo demo;
  co_await demo.fleet.up(spec_of(1));
  auto body = [&](TaskGroup& group) -> Task<void> {
    auto hold = [&]() -> Task<void> {
      const auto directory = InstanceDirectory::open(demo.root / "demo/vm-0");
      const auto lock = OperationLock::acquire(directory);
      const auto down_waits = [&] { return times_open(directory.file(instance_file::kLock)) == 2; };
      co_await eventually(down_waits);
    };
    group.start(hold);
    const FleetReport down = co_await demo.down();
    REQUIRE(down.failed() == 0);
    REQUIRE_FALSE(down.machines[0].error.has_value());
  };
  co_await with_task_group(body);
  REQUIRE_FALSE(demo.exists());
}

VMFLEET_ASYNC_TEST_CASE("a machine whose QEMU cannot be identified keeps its directory") {
  const TempDir root;
  const auto directory = InstanceDirectory::create(root.path(), "demo", "vm-0");
  write_intent(directory, Intent());
  const auto alive = lock_alive(directory);
  const FleetReport down = co_await Fleet(root.path(), "demo").down(kEveryone);
  REQUIRE(down.machines[0].error.has_value());
  REQUIRE(std::filesystem::exists(directory.file(instance_file::kIntent)));
}

VMFLEET_ASYNC_TEST_CASE("a machine starts again as it was specified") {
  Demo demo;
  const FleetReport first = co_await demo.fleet.up(spec_of(2));
  co_await demo.fleet.stop(kSecond, StopOptions::kill());
  const FleetReport again = co_await demo.fleet.start();
  REQUIRE(again.ready() == 2);
  REQUIRE(again.machines[0].pid == first.machines[0].pid);  // it had not ended
  REQUIRE(again.machines[1].uuid == first.machines[1].uuid);
  const FleetReport same = co_await demo.fleet.up(spec_of(2));
  REQUIRE(pids(same) == pids(again));
  co_await demo.down();
}

VMFLEET_ASYNC_TEST_CASE("a restart keeps the ports on the host") {
  Demo demo;
  const FleetReport first = co_await demo.fleet.up(spec_of(2));
  const FleetReport again = co_await demo.fleet.restart(UpOptions(), StopOptions::kill());
  REQUIRE(again.ready() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    REQUIRE(again.machines[i].pid != first.machines[i].pid);
    REQUIRE(again.machines[i].ports[0].host_port == first.machines[i].ports[0].host_port);
  }
  co_await demo.down();
}

VMFLEET_ASYNC_TEST_CASE("only what does not run is removed without being stopped") {
  Demo demo;
  co_await demo.fleet.up(spec_of(2));
  co_await demo.fleet.stop(kFirst, StopOptions::kill());
  const FleetReport removed = co_await demo.fleet.remove(kAnyVm);
  REQUIRE_FALSE(removed.machines[0].error.has_value());
  REQUIRE(removed.machines[1].error->kind() == ErrorKind::conflict);
  const FleetReport left = demo.fleet.status();
  REQUIRE(left.machines.size() == 1);
  REQUIRE(left.machines[0].pid.has_value());
  co_await demo.down();
}

TEST_CASE("a fleet's name cannot lead out of the state root") {
  const TempDir root;
  for (const char* name : {"../x", "", ".", "a/b"}) {
    REQUIRE_THROWS_AS(Fleet(root.path(), name), Error);
  }
}

VMFLEET_ASYNC_TEST_CASE("an ephemeral fleet ends with its object, and leaves no file") {
  Demo demo;
  {
    const EphemeralFleet fleet = co_await demo.fleet.up_ephemeral(spec_of(2));
    REQUIRE(fleet.report.ready() == 2);
    REQUIRE(fleet.machines.size() == 2);
    REQUIRE(pids(demo.fleet.status()) == pids(fleet.report));
  }
  REQUIRE(demo.guard.leaked().empty());
  REQUIRE_FALSE(demo.exists());
}

VMFLEET_ASYNC_TEST_CASE("down and up without a pause always succeed") {
  Demo demo;
  for (int i = 0; i < 10; ++i) {
    const FleetReport up = co_await demo.fleet.up(spec_of(2));
    INFO("round " << i);
    REQUIRE(up.ready() == 2);
    const FleetReport down = co_await demo.down();
    REQUIRE(down.failed() == 0);
  }
}

VMFLEET_ASYNC_TEST_CASE("a dry run gives each machine's command line and touches nothing") {
  const TempDir root;
  Fleet fleet(root.path(), "demo");
  const UpPlan plan = co_await fleet.dry_run(spec_of(3));
  REQUIRE(plan.to_start.size() == 3);
  REQUIRE(plan.commands.size() == 3);
  REQUIRE_THAT(plan.commands[2].to_shell(), ContainsSubstring("vm-2"));
  REQUIRE(std::filesystem::is_empty(root.path()));
}

VMFLEET_ASYNC_TEST_CASE("without waiting, up returns while the guest still boots") {
  Demo demo;
  UpOptions options;
  options.wait = false;
  const FleetReport report = co_await demo.fleet.up(spec_of(1, "hang"), options);
  REQUIRE(report.machines[0].state == MachineState::booting);
  REQUIRE(report.failed() == 0);
  co_await demo.down();
}
