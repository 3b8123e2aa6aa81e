// SPDX-License-Identifier: MIT
// Awaiting readiness in a Catch2 test.
#include "tests/support/catch.hpp"
// README begins
#include <vmfleet/machine/machine.hpp>
#include <vmfleet/qmp/commands.hpp>
#include <vmfleet/testkit/catch2.hpp>
#include <vmfleet/testkit/guests.hpp>

using namespace vmfleet;

VMFLEET_ASYNC_TEST_CASE("a machine runs once its guest says so") {
  MachineConfig config;
  config.kernel = testkit::guest_path("marker");
  config.accel = Accelerator::tcg;
  LaunchOptions options;
  options.readiness.serial = {"guest ready"};

  Machine machine = co_await Machine::launch(config, options);
  const ReadyReport ready = co_await machine.wait_ready();
  qmp::Client client = co_await machine.connect();
  const qmp::Status status = co_await qmp::query_status(client);

  CHECK(ready.seen.size() == 1);
  CHECK(status.running);
}  // the machine is gone here, also when a check failed or the test was killed
// README ends
