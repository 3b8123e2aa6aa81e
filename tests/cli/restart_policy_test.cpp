// SPDX-License-Identifier: MIT
// Machines whose policy has them started again, as long as vmfleet is there to do it.
#include <csignal>
#include <fstream>

#include <vmfleet/testkit/guests.hpp>

#include "tests/cli/program.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using test::Vmfleet;

namespace {

struct World : Vmfleet {
  explicit World(const std::string& more = "") {
    environment["PROGRAM"] = test::program_path();
    std::ofstream(folder() / "vmfleet.toml")
        << "fleet = 'demo'\n[machine.db]\naccel = 'tcg'\nmemory = '32M'\nnet = []\n"
           "restart = 'on-failure'\nready.serial = 'vmfleet: guest ready'\nkernel = '"
        << testkit::guest_path("marker").string() << "'\n"
        << more;
  }
};

/// The shell function `pid` prints that of the machine while it is ready.
constexpr const char* kPid =
    "pid() { $PROGRAM ps --json | tr -d ' \\n' | grep '\"state\":\"ready\"' | "
    "sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/'; }; ";

}  // namespace

TEST_CASE("run starts a machine again that crashes while its program runs") {
  const World world;
  const std::string script = std::string(kPid) +
                             "old=$(pid); kill -9 $old; "
                             "new=; while [ -z \"$new\" ] || [ $new = $old ]; do "
                             "sleep 0.1; new=$(pid); done; exit 9";
  const auto ran = world.run({"run", "--", "sh", "-c", script});
  INFO(ran.out << ran.err);
  CHECK(ran.code == 9);
  CHECK_THAT(ran.err, ContainsSubstring("db: crashed: QEMU was killed by signal 9"));
  CHECK_THAT(ran.err, ContainsSubstring("; started again (1) in 100 ms"));
}

TEST_CASE("a clone that is started again boots") {
  const World world("template = 'identical'\nagent = false\nvmgenid = false\n");
  const std::string script = std::string(kPid) +
                             "cloned() { $PROGRAM ps --json | grep -q '\"template\"'; }; "
                             "cloned || exit 7; old=$(pid); kill -9 $old; "
                             "new=; while [ -z \"$new\" ] || [ $new = $old ]; do "
                             "sleep 0.1; new=$(pid); done; cloned && exit 8; exit 9";
  const auto ran = world.run({"run", "--", "sh", "-c", script});
  INFO(ran.out << ran.err);
  CHECK(ran.code == 9);
}

TEST_CASE("run leaves alone what its program stops") {
  const World world;
  const std::string script = "$PROGRAM stop db && $PROGRAM wait db --for exit; exit 9";
  const auto ran = world.run({"run", "--", "sh", "-c", script});
  INFO(ran.out << ran.err);
  CHECK(ran.code == 9);
  CHECK(ran.err.find("started again") == std::string::npos);
}

TEST_CASE("nobody starts a machine of its own again but the next up") {
  const World world;
  REQUIRE(world.run({"up"}).code == 0);
  CHECK(world.document({"config"})["machines"].as_array()->front().text("restart") == "on-failure");
  const auto before = world.document({"ps"})["machines"].as_array()->front().integer("pid", 0);
  ::kill(static_cast<pid_t>(before), SIGKILL);
  world.run({"wait", "db", "--for", "exit"});
  const auto crashed = world.document({"ps"})["machines"].as_array()->front();
  CHECK(crashed.text("state") == "crashed");
  CHECK(crashed["exit"]["requested"].is_null());
  REQUIRE(world.run({"up"}).code == 0);
  world.run({"stop", "--grace", "0ms"});
  const auto stopped = world.document({"ps"})["machines"].as_array()->front();
  CHECK(stopped["exit"].flag("requested", false));
}
