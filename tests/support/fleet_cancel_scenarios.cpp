// SPDX-License-Identifier: MIT
// An up that is cancelled, on a real QEMU and on the fake one alike.
#include <vmfleet/async/event.hpp>
#include <vmfleet/async/task_group.hpp>
#include <vmfleet/async/time.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/fleet_fixture.hpp"

#include <vmfleet/testkit/catch2.hpp>

using namespace vmfleet;
using namespace vmfleet::test;

TEST_CASE("an up that is cancelled at any point leaves nothing that it started") {
  ProcessLeakGuard guard;
  for (int point = 0; point < 14; ++point) {
    const TempDir root;
    Loop loop;
    CancelScope scope;
    Fleet fleet(root.path(), "demo");
    UpOptions options;
    int seen = 0;
    options.progress = [&](const ProgressEvent&) {
      if (seen++ == point) scope.cancel();
    };
    const FleetSpec spec = with_a_laggard(4);
    auto work = [&]() -> Task<void> { co_await fleet.up(spec, options); };
    const auto result = loop.run(with_timeout(testkit::kTestDeadline, scope.run(work())));
    INFO("point " << point);
    REQUIRE_FALSE(result.has_value());
    REQUIRE(guard.leaked().empty());
    REQUIRE_FALSE(std::filesystem::exists(root / "demo"));
  }
}

VMFLEET_ASYNC_TEST_CASE("what was running before stays when a later up is cancelled") {
  Demo demo;
  const FleetReport first = co_await demo.fleet.up(spec_of(1));
  const FleetSpec more = with_a_laggard(2);
  CancelScope scope;
  UpOptions options;
  options.progress = [&](const ProgressEvent& event) {
    if (event.machine == "vm-1" && event.state == MachineState::booting) scope.cancel();
  };
  const auto result = co_await scope.run(demo.fleet.up(more, options));
  REQUIRE_FALSE(result.has_value());
  const FleetReport now = demo.fleet.status();
  REQUIRE(now.machines.size() == 1);
  REQUIRE(now.machines[0].pid == first.machines[0].pid);
  co_await demo.down();
}

VMFLEET_ASYNC_TEST_CASE(
    "a cancelled up stops a machine that it started again, and keeps its files") {
  Demo demo;
  co_await demo.fleet.up(spec_of(1));
  co_await demo.fleet.stop(kEveryone, StopOptions::kill());
  for (const MachineState point : {MachineState::starting, MachineState::booting}) {
    CancelScope scope;
    UpOptions options;
    options.progress = [&](const ProgressEvent& event) {
      if (event.machine == "vm-0" && event.state == point) scope.cancel();
    };
    const FleetSpec spec = with_a_laggard(1);
    const auto result = co_await scope.run(demo.fleet.up(spec, options));
    REQUIRE_FALSE(result.has_value());
    const FleetReport now = demo.fleet.status();
    REQUIRE(now.machines.size() == 1);
    REQUIRE(now.machines[0].state == MachineState::stopped);
    REQUIRE(demo.guard.leaked().empty());
  }
  co_await demo.down();
}

VMFLEET_ASYNC_TEST_CASE("a cancelled up leaves alone what another up is starting") {
  Demo demo;
  const FleetSpec spec = with_a_laggard(2);
  Event other_has_begun;
  Event other_is_done;
  FleetReport others;
  CancelScope scope;
  auto body = [&](TaskGroup& group) -> Task<void> {
    auto other = [&]() -> Task<void> {
      UpOptions only;
      only.names = {"vm-0"};
      only.progress = [&](const ProgressEvent& event) {
        if (event.state == MachineState::starting) other_has_begun.set();
      };
      others = co_await Fleet(demo.root.path(), "demo").up(spec, only);
      other_is_done.set();
    };
    group.start(other);
    co_await other_has_begun.wait();
    auto both = [&]() -> Task<void> { co_await scope.run(demo.fleet.up(spec)); };
    group.start(both);
    co_await other_is_done.wait();
    scope.cancel();
  };
  co_await with_task_group(body);
  REQUIRE(others.ready() == 1);
  const FleetReport now = demo.fleet.status({"vm-0"});
  REQUIRE(now.machines[0].pid == others.machines[0].pid);
  co_await demo.down();
}
