// SPDX-License-Identifier: MIT
// Pause, resume and reset, and when a machine is ready after them.
#include <fstream>

#include <vmfleet/testkit/guests.hpp>

#include "tests/cli/program.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using test::count_of;
using test::machine;
using test::up_with;
using test::Vmfleet;

TEST_CASE("pause, resume and reset show in ps and events") {
  const Vmfleet world;
  world.run(up_with("marker"));
  CHECK(world.run({"pause", "vm-0"}).code == 0);
  CHECK(machine(world.document({"ps"}), 0).text("state") == "paused");
  CHECK(world.run({"resume", "vm-0"}).code == 0);
  CHECK(machine(world.document({"ps"}), 0).text("state") == "ready");
  CHECK(world.run({"reset", "vm-0"}).code == 0);
  const auto events = world.run({"events", "vm-0"}).out;
  for (const char* name : {" vm-0 STOP", " vm-0 RESUME", " vm-0 RESET"}) {
    CHECK_THAT(events, ContainsSubstring(name));
  }
  const auto lines = world.run({"events", "--json", "vm-0"}).out;
  CHECK(json::parse(lines.substr(0, lines.find('\n')))->text("event") == "RESUME");
}

TEST_CASE("a machine that is reset is ready when it has become so anew") {
  const Vmfleet world;
  world.run(up_with("marker"));
  const auto reset = world.run({"reset"});
  INFO(reset.err);
  CHECK(reset.code == 0);
  const auto again = machine(world.document({"ps"}), 0);
  CHECK(again.text("state") == "ready");
  CHECK(count_of(world.run({"logs"}).out, "guest ready") == 2);
  CHECK(world.run({"reset", "--no-wait"}).code == 0);
  CHECK(machine(world.document({"ps"}), 0).text("state") == "booting");
  CHECK(world.run({"wait", "--for", "ready", "--timeout", "60s"}).code == 0);
  CHECK(machine(world.document({"ps"}), 0).text("state") == "ready");
  CHECK(count_of(world.run({"logs"}).out, "guest ready") == 3);
}

TEST_CASE("a machine that was started paused becomes ready after it is resumed") {
  const Vmfleet world;
  std::ofstream(world.folder() / "held.toml")
      << "fleet = 'held'\n[machine.a]\naccel = 'tcg'\nmemory = '32M'\npaused = true\nkernel = '"
      << testkit::guest_path("marker").string() << "'\nready = { serial = 'guest ready' }\n";
  CHECK(machine(world.document({"up", "-f", "held.toml"}), 0).text("state") == "paused");
  CHECK(world.run({"wait", "-p", "held", "--timeout", "50ms"}).code == 6);
  CHECK(world.run({"resume", "-p", "held"}).code == 0);
  CHECK(world.run({"wait", "-p", "held"}).code == 0);
  CHECK(machine(world.document({"ps", "-p", "held"}), 0).text("state") == "ready");
}

TEST_CASE("a reset of a paused machine waits for nobody") {
  const Vmfleet world;
  world.run(up_with("marker"));
  CHECK(world.run({"pause"}).code == 0);
  CHECK(world.run({"reset"}).code == 0);
  CHECK(machine(world.document({"ps"}), 0).text("state") == "paused");
  CHECK(world.run({"resume"}).code == 0);
  CHECK(world.run({"wait", "--timeout", "60s"}).code == 0);
}
