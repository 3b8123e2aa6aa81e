// SPDX-License-Identifier: MIT
// Waiting: for what, how long, and what is told when it does not come.
#include "tests/cli/program.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using test::machine;
using test::up_with;
using test::Vmfleet;
using test::Words;

TEST_CASE("an event that QEMU has not is refused, and the nearest one named") {
  const Vmfleet world;
  const auto up = world.run(up_with("marker", {"--ready", "event=RESUMED"}));
  CHECK(up.code == 2);
  CHECK_THAT(up.err, ContainsSubstring("did you mean 'RESUME'?"));
  REQUIRE(world.run(up_with("marker", {"--ready", "event=RESUME"})).code == 0);
  const auto wait = world.run({"wait", "--for", "event=shutdwn"});
  CHECK(wait.code == 2);
  CHECK_THAT(wait.err, ContainsSubstring("did you mean 'SHUTDOWN'?"));
}

TEST_CASE("wait tells what was met, and what was missing") {
  const Vmfleet world;
  world.run(up_with("marker", {"-n", "2"}));
  CHECK(world.run({"wait"}).code == 0);
  const auto met = world.document({"wait", "--for", "regex=guest re.dy", "--timeout", "60s"});
  CHECK(met.text("schema") == "vmfleet.wait/1");
  CHECK(machine(met, 1).flag("met", false));
  const auto missing = world.run({"wait", "--for", "serial=never", "--timeout", "100ms", "vm-0"});
  CHECK(missing.code == 6);
  CHECK_THAT(missing.err, ContainsSubstring("missing serial 'never'"));
  CHECK_THAT(missing.err, ContainsSubstring("    vmfleet: guest ready"));
}

TEST_CASE("a wait that begins too late still sees what was there in time") {
  const Vmfleet world;
  CHECK(world.run(up_with("marker", {"--no-wait", "--timeout", "1ms"})).code == 0);
  CHECK(world.run({"wait", "--for", "serial=guest ready", "--timeout", "60s"}).code == 0);
  CHECK(world.run({"wait", "vm-0"}).code == 0);
  CHECK(machine(world.document({"ps"}), 0).text("state") == "ready");
}

TEST_CASE("a wait's own timeout counts from when it began, and does not judge the machine") {
  const Vmfleet world;
  const Words late = {"--append", "-- 1500", "--no-wait", "--timeout", "1ms"};
  CHECK(world.run(up_with("late", late)).code == 0);
  const auto impatient = world.run({"wait", "vm-0", "--timeout", "1ms"});
  CHECK(impatient.code == 6);
  CHECK_THAT(impatient.err, ContainsSubstring("missing serial"));
  CHECK(machine(world.document({"ps"}), 0).text("state") == "booting");
  CHECK(world.run({"wait", "vm-0", "--timeout", "60s"}).code == 0);
}

TEST_CASE("with --any the first machine is enough") {
  const Vmfleet world;
  world.run(up_with("marker", {"-n", "2"}));
  world.run({"kill", "vm-1"});
  const auto any = world.document({"wait", "--for", "exit", "--any", "--timeout", "60s"});
  CHECK_FALSE(machine(any, 0).flag("met", true));
  CHECK(machine(any, 1).flag("met", false));
}
