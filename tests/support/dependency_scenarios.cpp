// SPDX-License-Identifier: MIT
// Machines that depend on each other, on a real QEMU and on the fake one alike.
#include <algorithm>
#include <csignal>

#include <vmfleet/async/event.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/machine/machine.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/fleet_fixture.hpp"

#include <vmfleet/testkit/catch2.hpp>

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

void name(MachineSpec& machine, const std::string& called, const Dependencies& depends_on = {}) {
  machine.config.name = machine.machine_class = called;
  machine.depends_on = depends_on;
}

/// web depends on db, which comes after it; alone depends on nobody.
FleetSpec trio(DependencyCondition condition = DependencyCondition::ready,
               const std::string& guest = "marker") {
  FleetSpec spec = spec_of(3);
  name(spec.machines[0], "web", {{"db", condition}});
  name(spec.machines[1], "alone");
  name(spec.machines[2], "db");
  spec.machines[2].config.kernel = testkit::guest_path(guest).string();
  return spec;
}

/// What was told, as "machine state" and "machine detail".
struct Story {
  UpOptions options;
  std::vector<std::string> lines;

  Story() {
    options.progress = [this](const ProgressEvent& event) {
      lines.push_back(event.machine + " " + std::string(to_string(event.state)));
      lines.push_back(event.machine + " " + event.detail);
    };
  }
  Story(const Story&) = delete;
  Story& operator=(const Story&) = delete;

  [[nodiscard]] bool has(const std::string& line) const {
    return std::find(lines.begin(), lines.end(), line) != lines.end();
  }
  /// Whether both were told, in this order.
  [[nodiscard]] bool in_order(const std::string& first, const std::string& second) const {
    const auto at = std::find(lines.begin(), lines.end(), first);
    return std::find(at, lines.end(), second) != lines.end() && at != lines.end() &&
           std::find(lines.begin(), at, second) == at;
  }
};

}  // namespace

VMFLEET_ASYNC_TEST_CASE("a machine is started when what it depends on is ready") {
  Demo demo;
  Story story;
  story.options.max_boot = 1;
  const FleetReport report = co_await demo.fleet.up(trio(), story.options);
  REQUIRE(report.ready() == 3);
  REQUIRE(story.has("web waits for db"));
  REQUIRE(story.in_order("db ready", "web starting"));
  Story again;
  const FleetReport same = co_await demo.fleet.up(trio(), again.options);
  REQUIRE(pids(same) == pids(report));
  REQUIRE_FALSE(again.has("web waits for db"));
  co_await demo.down();
}

VMFLEET_ASYNC_TEST_CASE("asking for one machine starts what it depends on, and nothing else") {
  Demo demo;
  UpOptions only;
  only.names = {"web"};
  const FleetReport report = co_await demo.fleet.up(trio(), only);
  REQUIRE(report.machines.size() == 2);
  REQUIRE(report.ready() == 2);
  const FleetReport status = demo.fleet.status();
  REQUIRE(status.machines.size() == 2);
  co_await demo.down();
}

VMFLEET_ASYNC_TEST_CASE("what depends on a machine that fails is not started, and says why") {
  Demo demo;
  Story story;
  FleetSpec spec = trio(DependencyCondition::ready, "panic");
  const FleetReport report = co_await demo.fleet.up(spec, story.options);
  REQUIRE(report.ready() == 1);
  REQUIRE(report.failed() == 2);
  const MachineReport& web = report.machines[0];
  REQUIRE(web.state == MachineState::failed);
  REQUIRE(web.error->kind() == ErrorKind::unavailable);
  REQUIRE_THAT(web.error->message(),
               ContainsSubstring("not started: db, which it depends on, failed"));
  REQUIRE_FALSE(story.has("web starting"));
  REQUIRE_FALSE(std::filesystem::exists(demo.root / "demo/web"));
  co_await demo.down();
}

VMFLEET_ASYNC_TEST_CASE("a wait for a start is over before readiness is") {
  Demo demo;
  Story story;
  FleetSpec spec = trio(DependencyCondition::started, "hang");
  story.options.wait = false;
  const FleetReport report = co_await demo.fleet.up(spec, story.options);
  REQUIRE(report.failed() == 0);
  REQUIRE(story.in_order("db booting", "web starting"));
  REQUIRE(report.machines[2].state == MachineState::booting);
  co_await demo.down();
}

VMFLEET_ASYNC_TEST_CASE("who does not wait for readiness still keeps the order") {
  Demo demo;
  Story story;
  story.options.wait = false;
  const FleetReport report = co_await demo.fleet.up(trio(), story.options);
  REQUIRE(report.failed() == 0);
  REQUIRE(report.machines[2].state == MachineState::ready);
  REQUIRE(story.in_order("db booting", "web starting"));
  co_await demo.down();
}

VMFLEET_ASYNC_TEST_CASE("a wait for completion ends with the machine's success") {
  Demo demo;
  Story story;
  story.options.max_boot = 1;
  const FleetSpec spec = trio(DependencyCondition::completed, "poweroff");
  const FleetReport report = co_await demo.fleet.up(spec, story.options);
  for (const auto& machine : report.machines) {
    INFO((machine.error ? machine.error->message() : "no error"));
    REQUIRE_FALSE(machine.error.has_value());
  }
  REQUIRE(report.ready() == 2);
  REQUIRE(report.machines[2].state == MachineState::stopped);
  REQUIRE(report.machines[2].exit->kind == "guest-shutdown");
  co_await demo.down();
}

VMFLEET_ASYNC_TEST_CASE(
    "an exit code that means success completes a machine, another one fails it") {
  for (const std::string meaning : {"success", "failure"}) {
    Demo demo;
    FleetSpec spec = trio(DependencyCondition::completed, "exit_code");
    MachineConfig& db = spec.machines[2].config;
    db.debug_exit = true;
    db.exit_codes = {{(16 << 1) | 1, meaning}};
    const FleetReport report = co_await demo.fleet.up(spec);
    INFO(meaning);
    REQUIRE(report.ready() == (meaning == "success" ? 2 : 1));
    REQUIRE(report.machines[2].exit->kind == "guest-exit");
    REQUIRE(report.machines[2].exit->code == 33);
    REQUIRE(report.machines[2].error.has_value() == (meaning == "failure"));
    co_await demo.down();
  }
}

VMFLEET_ASYNC_TEST_CASE("a machine that does not complete in its time fails with those that wait") {
  Demo demo;
  FleetSpec spec = trio(DependencyCondition::completed);
  spec.machines[2].ready.timeout = Milliseconds(700);
  const FleetReport report = co_await demo.fleet.up(spec);
  REQUIRE(report.ready() == 1);
  REQUIRE(report.machines[2].error->kind() == ErrorKind::timed_out);
  REQUIRE(report.machines[0].error->kind() == ErrorKind::unavailable);
  REQUIRE_FALSE(report.machines[2].pid.has_value());
  co_await demo.down();
}

VMFLEET_ASYNC_TEST_CASE("a machine that somebody has paused holds up those that depend on it") {
  Demo demo;
  UpOptions only;
  only.names = {"db"};
  co_await demo.fleet.up(trio(), only);
  Machine db = co_await Machine::adopt(demo.root / "demo/db");
  co_await db.pause();
  const FleetReport report = co_await demo.fleet.up(trio());
  REQUIRE(report.machines[0].error->kind() == ErrorKind::unavailable);
  REQUIRE_THAT(report.machines[0].error->message(), ContainsSubstring("is paused"));
  REQUIRE_FALSE(report.machines[2].error.has_value());
  co_await demo.down();
}

VMFLEET_ASYNC_TEST_CASE("an up that is cancelled while a machine waits leaves nothing") {
  Demo demo;
  const FleetSpec spec = trio(DependencyCondition::ready, "hang");
  CancelScope scope;
  UpOptions options;
  options.progress = [&](const ProgressEvent& event) {
    if (event.machine == "db" && event.state == MachineState::booting) scope.cancel();
  };
  const auto result = co_await scope.run(demo.fleet.up(spec, options));
  REQUIRE_FALSE(result.has_value());
  REQUIRE_FALSE(demo.exists());
  REQUIRE(demo.guard.leaked().empty());
}

VMFLEET_ASYNC_TEST_CASE("two ups at once keep the order together") {
  Demo demo;
  const std::vector<FleetReport> reports = co_await demo.up_at_once(trio(), 3);
  for (const auto& report : reports) {
    REQUIRE(report.ready() == 3);
    REQUIRE(pids(report) == pids(reports[0]));
  }
  co_await demo.down();
}

VMFLEET_ASYNC_TEST_CASE("machines that wait for each other are refused before any is started") {
  Demo demo;
  FleetSpec spec = trio();
  spec.machines[2].depends_on["web"] = DependencyCondition::started;
  std::optional<Error> refused;
  try {
    co_await demo.fleet.up(spec);
  } catch (const Error& error) {
    refused = error;
  }
  REQUIRE(refused);
  REQUIRE(refused->kind() == ErrorKind::invalid_config);
  REQUIRE_FALSE(demo.exists());
}

VMFLEET_ASYNC_TEST_CASE("an ephemeral fleet keeps the order too") {
  Demo demo;
  Story story;
  {
    const EphemeralFleet fleet = co_await demo.fleet.up_ephemeral(trio(), story.options);
    REQUIRE(fleet.report.ready() == 3);
    REQUIRE(story.in_order("db ready", "web starting"));
  }
  REQUIRE_FALSE(demo.exists());
}

VMFLEET_ASYNC_TEST_CASE("a dry run gives the command lines in the order of the starts") {
  const TempDir root;
  const UpPlan plan = co_await Fleet(root.path(), "demo").dry_run(trio());
  const auto& lines = plan.commands;
  REQUIRE(lines.size() == 3);
  REQUIRE_THAT(lines[0].to_shell(), ContainsSubstring("alone"));
  REQUIRE_THAT(lines[1].to_shell(), ContainsSubstring("db"));
  REQUIRE_THAT(lines[2].to_shell(), ContainsSubstring("web"));
}
