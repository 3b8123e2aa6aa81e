// SPDX-License-Identifier: MIT
// Machines that are started again by their policies, on a real QEMU and on the fake one alike.
#include <csignal>

#include <vmfleet/async/event.hpp>
#include <vmfleet/async/task_group.hpp>
#include <vmfleet/base/error.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/fleet_fixture.hpp"

#include <vmfleet/testkit/catch2.hpp>

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

FleetSpec restarting(RestartPolicy policy, const std::string& guest = "marker") {
  FleetSpec spec = spec_of(1, guest);
  spec.machines[0].restart = policy;
  return spec;
}

/// Counts what is told of starts and failures.
struct Watch {
  UpOptions options;
  std::size_t crashes = 0;
  std::size_t boots = 0;
  Event back;    ///< ready after a crash
  Event thrice;  ///< three crashes

  Watch() {
    options.progress = [this](const ProgressEvent& event) {
      if (event.state == MachineState::crashed && ++crashes == 3) thrice.set();
      if (event.state == MachineState::booting) ++boots;
      if (event.state == MachineState::ready && crashes > 0) back.set();
    };
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
};

}  // namespace

VMFLEET_ASYNC_TEST_CASE("a machine that is killed comes back, with its ports and its disks") {
  Demo demo;
  {
    Watch watch;
    const FleetSpec spec = restarting(RestartPolicy::on_failure);
    EphemeralFleet fleet = co_await demo.fleet.up_ephemeral(spec);
    const MachineReport first = fleet.report.machines[0];
    auto body = [&](TaskGroup& group) -> Task<void> {
      auto supervise = [&]() { return demo.fleet.supervise(fleet, spec, watch.options); };
      group.start(supervise);
      REQUIRE(::kill(*first.pid, SIGKILL) == 0);
      co_await watch.back.wait();
      group.cancel();
    };
    co_await with_task_group(body);
    REQUIRE(watch.crashes == 1);
    const MachineReport now = fleet.machines.at(0).report();
    REQUIRE(now.state == MachineState::ready);
    REQUIRE(now.pid != first.pid);
    REQUIRE(now.ports.at(0).host_port == first.ports.at(0).host_port);
    REQUIRE(fleet.report.machines[0].pid == now.pid);
  }
  REQUIRE_FALSE(demo.exists());
  REQUIRE(demo.guard.leaked().empty());
}

VMFLEET_ASYNC_TEST_CASE("a machine that a command ends stays so, whatever its policy") {
  for (const bool removed : {false, true}) {
    Demo demo;
    const FleetSpec spec = restarting(RestartPolicy::always);
    EphemeralFleet fleet = co_await demo.fleet.up_ephemeral(spec);
    auto body = [&](TaskGroup& group) -> Task<void> {
      // Which returns when nothing is left to do.
      auto supervise = [&]() { return demo.fleet.supervise(fleet, spec); };
      group.start(supervise);
      if (removed) {
        co_await demo.down();
      } else {
        co_await demo.fleet.stop(kEveryone, StopOptions::kill());
      }
    };
    co_await with_task_group(body);
    REQUIRE(demo.guard.leaked().empty());
  }
}

VMFLEET_ASYNC_TEST_CASE("an orderly end is an end on-failure, and a pause for always") {
  Demo demo;
  const FleetSpec once = restarting(RestartPolicy::on_failure, "poweroff");
  {
    EphemeralFleet fleet = co_await demo.fleet.up_ephemeral(once);
    co_await demo.fleet.supervise(fleet, once);
    REQUIRE(fleet.machines.at(0).report().state == MachineState::stopped);
  }
  Watch watch;
  const FleetSpec forever = restarting(RestartPolicy::always, "poweroff");
  EphemeralFleet fleet = co_await demo.fleet.up_ephemeral(forever);
  auto body = [&](TaskGroup& group) -> Task<void> {
    auto supervise = [&]() { return demo.fleet.supervise(fleet, forever, watch.options); };
    group.start(supervise);
    co_await watch.thrice.wait();
    group.cancel();
  };
  co_await with_task_group(body);
}

VMFLEET_ASYNC_TEST_CASE("a machine that crashes before it is ready is started again by up") {
  Demo demo;
  Watch watch;
  const FleetSpec spec = restarting(RestartPolicy::on_failure, "late");
  UpOptions options;
  options.progress = [&](const ProgressEvent& event) {
    watch.options.progress(event);
    if (event.state != MachineState::booting || watch.boots > 1) return;
    ::kill(*inspect_machine(demo.root / "demo/vm-0").pid, SIGKILL);
  };
  const FleetReport report = co_await demo.fleet.up(spec, options);
  REQUIRE(watch.boots == 2);
  REQUIRE(watch.crashes == 1);
  REQUIRE(report.ready() == 1);
  co_await demo.down();
}

VMFLEET_ASYNC_TEST_CASE("a machine that always crashes fails in the time for its start") {
  Demo demo;
  Watch watch;
  FleetSpec spec = restarting(RestartPolicy::on_failure, "panic");
  spec.machines[0].ready.timeout = Milliseconds(2'000);
  const FleetReport report = co_await demo.fleet.up(spec, watch.options);
  REQUIRE(watch.crashes >= 1);
  REQUIRE(report.machines[0].state == MachineState::failed);
  REQUIRE_FALSE(report.machines[0].pid.has_value());
  co_await demo.down();
}

VMFLEET_ASYNC_TEST_CASE("an up that is cancelled after it started a machine again leaves nothing") {
  Demo demo;
  Watch watch;
  CancelScope scope;
  const FleetSpec spec = restarting(RestartPolicy::always, "panic");
  UpOptions options;
  options.progress = [&](const ProgressEvent& event) {
    watch.options.progress(event);
    if (watch.boots == 2) scope.cancel();
  };
  const auto result = co_await scope.run(demo.fleet.up(spec, options));
  REQUIRE_FALSE(result.has_value());
  REQUIRE(demo.guard.leaked().empty());
  REQUIRE_FALSE(demo.exists());
}
