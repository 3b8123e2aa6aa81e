// SPDX-License-Identifier: MIT
// Signals: what a command started is gone, and the terminal is as it was.
#include <sys/wait.h>

#include <csignal>
#include <fstream>

#include <vmfleet/testkit/guests.hpp>

#include "tests/cli/program.hpp"
#include "tests/cli/terminal.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using test::machine;
using test::Terminal;
using test::up_with;
using test::Vmfleet;

namespace {

void check_that_nothing_is_left(const Vmfleet& world) {
  CHECK_FALSE(std::filesystem::exists(world.state() / "default"));
  test::ProcessLeakGuard guard;
  CHECK(world.document({"ps"})["machines"].as_array()->empty());
}

}  // namespace

TEST_CASE("Ctrl-C in the middle of up ends what it started") {
  const Vmfleet world;
  Terminal terminal(world, up_with("hang", {"-n", "3", "--max-boot", "2"}));
  terminal.wait_for("booting");
  terminal.type("\x03");
  // Told above the display, so that its next frame does not draw over it.
  terminal.wait_for("vmfleet: SIGINT: cleaning up\x1b[K\r\n");
  CHECK(terminal.wait() == 130);
  CHECK(terminal.cursor_is_shown());
  CHECK(terminal.modes_are_unchanged());
  check_that_nothing_is_left(world);
}

TEST_CASE("every ending signal has its exit code, and the same cleanup") {
  for (const auto& [number, code] : {std::pair(SIGINT, 130), {SIGTERM, 143}, {SIGHUP, 129}}) {
    const Vmfleet world;
    Terminal terminal(world, up_with("hang"));
    terminal.wait_for("booting");
    terminal.signal(number);
    CHECK(terminal.wait() == code);
    CHECK(terminal.cursor_is_shown());
    check_that_nothing_is_left(world);
  }
}

TEST_CASE("a storm of signals changes nothing") {
  const Vmfleet world;
  Terminal terminal(world, up_with("hang", {"-n", "2"}));
  terminal.wait_for("booting");
  for (int i = 0; i < 50; ++i) terminal.signal(i % 2 == 0 ? SIGINT : SIGTERM);
  const int code = terminal.wait();
  CHECK((code == 130 || code == 143));  // whichever of the two was delivered first
  check_that_nothing_is_left(world);
}

TEST_CASE("an interrupted up leaves the machines that ran before it") {
  const Vmfleet world;
  world.run(up_with("marker"));
  Terminal terminal(world, up_with("marker", {"-n", "2", "--ready", "serial=never said"}));
  terminal.wait_for("booting");
  terminal.signal(SIGINT);
  CHECK(terminal.wait() == 130);
  const auto ps = world.document({"ps"});
  REQUIRE(ps["machines"].as_array()->size() == 1);
  CHECK(ps["machines"].as_array()->front().text("name") == "vm-0");
}

TEST_CASE("Ctrl-C again does not wait for guests that ignore their power button") {
  const Vmfleet world;
  std::ofstream(world.folder() / "deaf.toml")
      << "fleet = 'default'\n[machine.vm]\ncount = 2\naccel = 'tcg'\nmemory = '32M'\nkernel = '"
      << testkit::guest_path("marker").string()
      << "'\nready.serial = 'guest ready'\nstop.grace = '1h'\n";
  Terminal terminal(world, {"up", "-f", world.folder() / "deaf.toml", "--attach"});
  for (int machines = 0; machines < 2; ++machines) terminal.wait_for("vmfleet: guest ready");
  terminal.type("\x03");
  terminal.wait_for("vmfleet: SIGINT: stopping the machines; again to hurry");
  terminal.type_until("\x03", "vmfleet: SIGINT: not waiting for the guests any more");
  CHECK(terminal.wait() == 130);
  CHECK(terminal.cursor_is_shown());
  CHECK(terminal.modes_are_unchanged());
  const auto ps = world.document({"ps"});
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(machine(ps, i).text("state") == "stopped");
    CHECK(machine(ps, i)["exit"].text("kind") == "host-qmp-quit");
  }
}

TEST_CASE("Ctrl-C at the very end changes neither the exit code nor the terminal") {
  const Vmfleet world;
  Terminal terminal(world, up_with("button", {"--attach"}));
  terminal.wait_for("vmfleet: guest ready");
  terminal.type("\x03");
  terminal.wait_for("stopped");
  for (bool ended = false; !ended;) {
    siginfo_t info{};
    REQUIRE(::waitid(P_PID, static_cast<id_t>(terminal.pid()), &info,
                     WEXITED | WNOWAIT | WNOHANG) == 0);
    ended = info.si_pid != 0;
    if (ended) CHECK(info.si_code == CLD_EXITED);  // by itself, of which 130 does not tell
    terminal.signal(SIGINT);
  }
  CHECK(terminal.wait() == 130);
  CHECK(terminal.cursor_is_shown());
}

TEST_CASE("an interrupted down leaves machines that every command knows") {
  const Vmfleet world;
  world.run(up_with("marker", {"-n", "2"}));
  Terminal terminal(world, {"down", "--grace", "1h", "--progress", "plain"});
  for (int machines = 0; machines < 2; ++machines) terminal.wait_for("stopping");
  terminal.signal(SIGTERM);
  terminal.signal(SIGTERM);
  CHECK(terminal.wait() == 143);
  CHECK(world.document({"ps"}).integer("ready", 0) == 2);
  CHECK(world.run({"down", "--grace", "0ms"}).code == 0);
  check_that_nothing_is_left(world);
}

TEST_CASE("a follower is interrupted at once, and the machine runs on") {
  const Vmfleet world;
  world.run(up_with("marker"));
  Terminal terminal(world, {"logs", "-f"});
  terminal.wait_for("guest ready");
  terminal.signal(SIGINT);
  CHECK(terminal.wait() == 130);
  CHECK_THAT(terminal.output(), !ContainsSubstring("vmfleet: SIGINT"));
  CHECK(world.document({"ps"}).integer("ready", 0) == 1);
}

TEST_CASE("a stream of JSON lines that is interrupted ends with the last of them") {
  const Vmfleet world;
  world.run(up_with("marker"));
  Terminal terminal(world, {"events", "-f", "--json"});
  terminal.wait_for("RESUME");
  terminal.signal(SIGINT);
  CHECK(terminal.wait() == 130);
  CHECK_THAT(terminal.output(), !ContainsSubstring("interrupted"));
}
