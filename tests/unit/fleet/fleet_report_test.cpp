// SPDX-License-Identifier: MIT
// Fleet reports as JSON.
#include <vmfleet/fleet/fleet_report.hpp>

#include "tests/support/catch.hpp"

using namespace vmfleet;

TEST_CASE("a fleet report counts who is ready and who failed") {
  FleetReport report;
  report.fleet = "demo";
  report.elapsed = Milliseconds(42);
  for (const auto state : {MachineState::ready, MachineState::running, MachineState::failed,
                           MachineState::crashed, MachineState::stopped}) {
    report.machines.emplace_back();
    report.machines.back().name = to_string(state);
    report.machines.back().state = state;
  }
  REQUIRE(report.ready() == 2);
  REQUIRE(report.failed() == 2);
  const auto document = report.to_json("vmfleet.ps/1");
  REQUIRE(document.text("schema") == "vmfleet.ps/1");
  REQUIRE(document.text("fleet") == "demo");
  REQUIRE(document["machines"].as_array()->size() == 5);
  REQUIRE(document.integer("ready", -1) == 2);
  REQUIRE(document.integer("failed", -1) == 2);
  REQUIRE(document.integer("elapsed_ms", -1) == 42);
}
