// SPDX-License-Identifier: MIT
// The console: terminals on a machine's serial port and monitors.
#include <csignal>

#include "tests/cli/program.hpp"
#include "tests/cli/terminal.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using test::Terminal;
using test::up_with;
using test::Vmfleet;

namespace {

const std::string kLeave = "\x1d";

}  // namespace

TEST_CASE("a console shows what was said, takes keys, and gives the terminal back") {
  const Vmfleet world;
  REQUIRE(world.run(up_with("echo")).code == 0);
  Terminal terminal(world, {"console", "vm-0"});
  terminal.wait_for("^] leaves");
  terminal.wait_for("guest ready");
  terminal.type("hello");
  terminal.wait_for("hello");
  terminal.type("\x03");  // a key like any other, for the guest
  terminal.type(kLeave);
  CHECK(terminal.wait() == 0);
  CHECK(terminal.modes_are_unchanged());
  CHECK(world.document({"ps"}).integer("ready", 0) == 1);
}

TEST_CASE("several consoles share one serial port, and one that is stopped holds up nobody") {
  const Vmfleet world;
  REQUIRE(world.run(up_with("echo")).code == 0);
  Terminal first(world, {"console", "vm-0"});
  Terminal second(world, {"console", "vm-0"});
  Terminal stopped(world, {"console", "vm-0"});
  for (Terminal* terminal : {&first, &second, &stopped}) terminal->wait_for("guest ready");
  stopped.signal(SIGSTOP);
  first.type("from the first");
  first.wait_for("from the first");
  second.wait_for("from the first");
  second.type("from the second");
  first.wait_for("from the second");
  stopped.signal(SIGCONT);
  stopped.wait_for("from the second");
}

TEST_CASE("a console that is told to end restores the terminal") {
  for (const auto& [number, code] : {std::pair(SIGTERM, 143), {SIGHUP, 129}}) {
    const Vmfleet world;
    REQUIRE(world.run(up_with("echo")).code == 0);
    Terminal terminal(world, {"console", "vm-0"});
    terminal.wait_for("guest ready");
    terminal.signal(number);
    CHECK(terminal.wait() == code);
    CHECK(terminal.modes_are_unchanged());
  }
}

TEST_CASE("a console ends with its machine") {
  const Vmfleet world;
  REQUIRE(world.run(up_with("echo")).code == 0);
  Terminal terminal(world, {"console", "vm-0"});
  terminal.wait_for("guest ready");
  REQUIRE(world.run({"kill", "vm-0"}).code == 0);
  terminal.wait_for("the machine has ended");
  CHECK(terminal.wait() == 0);
  CHECK(terminal.modes_are_unchanged());
  const auto late = world.run({"console", "vm-0"});
  CHECK(late.code == 7);
  CHECK_THAT(late.err, ContainsSubstring("does not run"));
}

TEST_CASE("a console in a pipe sends its input and leaves at the end of it") {
  const Vmfleet world;
  REQUIRE(world.run(up_with("echo")).code == 0);
  CHECK(world.shell("printf 'piped' | vmfleet console vm-0").code == 0);
  CHECK(world.run({"wait", "vm-0", "--for", "serial=piped"}).code == 0);
}

TEST_CASE("QEMU's monitors take a terminal too") {
  const Vmfleet world;
  REQUIRE(world.run(up_with("echo")).code == 0);
  Terminal monitor(world, {"console", "vm-0", "--monitor"});
  monitor.wait_for("(qemu)");
  monitor.type("info status\r");
  monitor.wait_for("VM status: running");
  Terminal qmp(world, {"console", "vm-0", "--qmp"});
  qmp.wait_for("\"QMP\"");
  qmp.type("{\"execute\": \"qmp_capabilities\"}\n");
  qmp.wait_for("{\"return\": {}}");
  monitor.type(kLeave);
  qmp.type("\x04");
  for (Terminal* terminal : {&monitor, &qmp}) {
    CHECK(terminal->wait() == 0);
    CHECK(terminal->modes_are_unchanged());
  }
}

TEST_CASE("what is sent reaches the console") {
  const Vmfleet world;
  world.run(up_with("echo"));
  CHECK(world.run({"send", "vm-0", "hello there"}).code == 0);
  const auto wait = world.run({"wait", "vm-0", "--for", "serial=hello there", "--timeout", "60s"});
  CHECK(wait.code == 0);
  CHECK_THAT(wait.out, ContainsSubstring("hello there"));
}
