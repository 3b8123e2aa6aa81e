// SPDX-License-Identifier: MIT
// Stopping and removing: what stays, and what goes.
#include <fstream>

#include <vmfleet/testkit/guests.hpp>

#include "tests/cli/program.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using test::count_of;
using test::machine;
using test::up_with;
using test::Vmfleet;

TEST_CASE("of two commands that remove a fleet none trips over what the other removed") {
  const Vmfleet world;
  for (int i = 0; i < 3; ++i) {
    REQUIRE(world.run(up_with("marker", {"-n", "3"})).code == 0);
    const auto both = world.shell(
        "vmfleet down --grace 0ms & vmfleet down --grace 0ms; echo \"code $?\"; wait $!; echo "
        "\"code $?\"");
    INFO(both.out);
    CHECK(count_of(both.out, "code 0") == 2);
    CHECK(count_of(both.out, "vmfleet: ") == 0);
    CHECK_FALSE(std::filesystem::exists(world.state() / "default"));
  }
}

TEST_CASE("stopped machines keep their directory, and start again") {
  const Vmfleet world;
  world.run(up_with("button"));
  const auto stop = world.document({"stop"});
  CHECK(stop.text("schema") == "vmfleet.stop/1");
  CHECK(machine(stop, 0).text("state") == "stopped");
  CHECK(machine(stop, 0)["exit"].text("kind") == "guest-shutdown");
  CHECK(machine(world.document({"ps"}), 0).text("state") == "stopped");
  const auto port = world.run({"port", "vm-0"});
  CHECK(port.code == 7);
  CHECK_THAT(port.err, ContainsSubstring("does not run"));
  CHECK(machine(world.document(up_with("button")), 0).text("state") == "ready");
}

TEST_CASE("what was written beside a machine's files goes with it") {
  const Vmfleet world;
  std::ofstream(world.folder() / "vmfleet.toml")
      << "fleet = 'demo'\n[machine.a]\naccel = 'tcg'\nready.serial = 'guest ready'\n"
         "qemu_args = ['-D', '{dir}/qemu.log', '-d', 'guest_errors']\nkernel = '"
      << testkit::guest_path("marker").string() << "'\n";
  const auto directory = world.state() / "demo/a";
  REQUIRE(world.run({"up"}).code == 0);
  std::ofstream(directory / "notes") << "x";
  CHECK(world.run({"stop", "--grace", "0ms"}).code == 0);
  CHECK(world.run({"start"}).code == 0);
  CHECK(std::filesystem::exists(directory / "notes"));
  CHECK(world.run({"down"}).code == 0);
  CHECK_FALSE(std::filesystem::exists(world.state() / "demo"));
}
