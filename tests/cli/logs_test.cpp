// SPDX-License-Identifier: MIT
// Logs: of one machine and of several, their ends, and what guests write into them.
#include <csignal>

#include <vmfleet/instance/instance_directory.hpp>
#include <vmfleet/instance/log_keeper.hpp>
#include <vmfleet/testkit/async_test.hpp>

#include "tests/cli/program.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"

using namespace vmfleet;
using test::count_of;
using test::up_with;
using test::Vmfleet;

TEST_CASE("logs of several machines have a prefix, of one machine none") {
  const Vmfleet world;
  world.run(up_with("marker", {"-n", "2"}));
  CHECK(world.run({"logs"}).out == "vm-0 | vmfleet: guest ready\nvm-1 | vmfleet: guest ready\n");
  CHECK(world.run({"logs", "vm-1"}).out == "vmfleet: guest ready\n");
  CHECK_THAT(world.run({"logs", "--json", "vm-1"}).out,
             ContainsSubstring(R"({"machine":"vm-1","line":"vmfleet: guest ready"})"));
}

TEST_CASE("--tail shows the last lines of a log") {
  const Vmfleet world;
  world.run(up_with("flood", {"--append", "-- 5000"}));
  const auto all = world.run({"logs"}).out;
  CHECK(count_of(all, "\n") == 5001);
  CHECK(world.run({"logs", "--tail", "2"}).out == "line 00004999\nvmfleet: guest ready\n");
  CHECK(world.run({"logs", "--tail", "9999"}).out == all);
  CHECK(world.run({"logs", "--tail", "0"}).out.empty());
}

TEST_CASE("guest output cannot drive the terminal unless it is asked for raw") {
  const Vmfleet world;
  world.run(up_with("say", {"--append", "-- evil \x1b[2J text"}));
  CHECK_THAT(world.run({"logs"}).out, ContainsSubstring("evil  text"));
  CHECK_THAT(world.run({"logs", "--raw"}).out, ContainsSubstring("evil \x1b[2J text"));
}

TEST_CASE("a follower sees all and ends with the machine") {
  const Vmfleet world;
  const auto ran = world.run(up_with("late", {"--append", "-- 500", "--no-wait"}));
  CHECK(ran.code == 0);
  const auto followed =
      world.shell("vmfleet logs -f & vmfleet wait; vmfleet kill --progress none; wait $!");
  CHECK(followed.code == 0);
  CHECK(count_of(followed.out, "vmfleet: guest ready\n") >= 1);
}

TEST_CASE("what is dropped of a log while it is printed is told of, and nothing stands for it") {
  const Vmfleet world;
  REQUIRE(world.run(up_with("marker")).code == 0);
  REQUIRE(world.run({"stop", "--grace", "0ms"}).code == 0);
  const auto ran = world.shell(
      "log=\"$VMFLEET_STATE_DIR/default/vm-0/serial.log\"\n"
      "seq -f 'line %08.0f' 400000 >\"$log\"\n"
      "vmfleet logs 2>told | { read first; echo \"$first\"\n"
      "  fallocate -p -o 0 -l 4M \"$log\" || echo impossible\n"
      "  cat; } >printed\n"
      "grep -c impossible printed; tr -d '[:print:]\\n' <printed | wc -c; tail -1 printed; cat "
      "told");
  INFO(ran.out);
  if (ran.out.rfind("0\n", 0) != 0) {
    WARN("this file system frees no parts of files");
    return;
  }
  CHECK(ran.out.rfind("0\n0\nline 00400000\n", 0) == 0);
  CHECK_THAT(ran.out, ContainsSubstring("vm-0: the log begins at byte 4194304"));
}

TEST_CASE("up starts a log keeper that was killed") {
  const Vmfleet world;
  REQUIRE(world.run(up_with("marker")).code == 0);
  const auto directory = InstanceDirectory::open(world.state() / "default" / "vm-0");
  if (log_limit_problem(directory.fd())) return;
  const auto is_kept = [&] { return find_log_keeper(directory).has_value(); };
  testkit::run_async(test::eventually(is_kept));
  const auto first = find_log_keeper(directory);
  first->signal(SIGKILL);
  testkit::run_async(first->wait_end());
  CHECK_FALSE(is_kept());
  CHECK(world.run(up_with("marker")).code == 0);
  testkit::run_async(test::eventually(is_kept));
}
