// SPDX-License-Identifier: MIT
// Fleets of folders: whose machines a command changes, and what a broken file keeps it from.
#include <fstream>

#include <vmfleet/testkit/guests.hpp>

#include "tests/cli/program.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using test::up_with;
using test::Vmfleet;

namespace {

/// A fleet file in a folder below the world's.
void write_file(const Vmfleet& world, const std::string& folder, const std::string& begin = {},
                const std::string& end = {}) {
  std::filesystem::create_directories(world.folder() / folder);
  std::ofstream(world.folder() / folder / "vmfleet.toml")
      << begin << "fleet = \"demo\"\n[machine.web]\nkernel = \""
      << testkit::guest_path("marker").string()
      << "\"\naccel = \"tcg\"\nmemory = \"32M\"\nready.serial = \"guest ready\"\nstop.grace = "
         "\"0s\"\n"
      << end;
}

}  // namespace

TEST_CASE("machines of another folder are changed only by the fleet's name") {
  const Vmfleet world;
  write_file(world, "a");
  write_file(world, "b");
  REQUIRE(world.shell("cd a && vmfleet up").code == 0);
  for (const char* command :
       {"down", "stop", "kill", "rm web", "start", "restart", "pause", "resume", "reset"}) {
    INFO(command);
    const auto refused = world.shell(std::string("cd b && vmfleet ") + command);
    CHECK(refused.code == 5);
    CHECK_THAT(refused.out, ContainsSubstring((world.folder() / "a").string()));
    CHECK_THAT(refused.out, ContainsSubstring("-p demo"));
  }
  CHECK_THAT(world.shell("cd b && vmfleet ps").out, ContainsSubstring("web   ready"));
  CHECK(world.shell("cd b && vmfleet down -p demo").code == 0);
  CHECK_FALSE(std::filesystem::exists(world.state() / "demo"));
}

TEST_CASE("a folder is the same by whichever way") {
  const Vmfleet world;
  write_file(world, "a");
  std::filesystem::create_directory_symlink("a", world.folder() / "link");
  CHECK(world.shell("vmfleet up -f link/vmfleet.toml && cd a && vmfleet down").code == 0);
  CHECK_FALSE(std::filesystem::exists(world.state() / "demo"));
}

TEST_CASE("a mistake in the fleet file keeps no machine from being looked at and removed") {
  const Vmfleet world;
  write_file(world, "a");
  REQUIRE(world.shell("cd a && vmfleet up").code == 0);
  for (const char* mistake : {"memroy = \"1G\"\n", "memory = \n", "memory = \"1G\n"}) {
    INFO(mistake);
    write_file(world, "a", "", mistake);
    const auto ps = world.shell("cd a && vmfleet ps");
    CHECK(ps.code == 0);
    CHECK_THAT(ps.out, ContainsSubstring("web   ready"));
    CHECK_THAT(ps.out, ContainsSubstring("warning: vmfleet.toml has errors"));
    CHECK(ps.out.find("warning") == ps.out.rfind("warning"));
    CHECK(world.shell("cd a && vmfleet up").code == 2);
  }
  CHECK(world.shell("cd a && vmfleet down").code == 0);
  CHECK_FALSE(std::filesystem::exists(world.state() / "demo"));
}

TEST_CASE("a state directory that cannot be one is refused in the same words by every command") {
  const Vmfleet world;
  std::ofstream(world.folder() / "file") << "x";
  for (const char* command : {"ps", "down", "up", "logs"}) {
    for (const char* place : {"file", "file/below", "./file"}) {
      INFO(command << " " << place);
      const auto ran = world.run({command, "--state-dir", place});
      CHECK(ran.code == 2);
      CHECK_THAT(ran.err, ContainsSubstring("vmfleet: the state directory " +
                                            (world.folder() / "file").string()));
      CHECK_THAT(ran.err, ContainsSubstring("hint: name another one with --state-dir"));
    }
  }
}

TEST_CASE("commands work beside a file whose paths are in the machines' folders") {
  const Vmfleet world;
  write_file(world, "a", "", "gdb = 'unix:{dir}/gdb.sock'\n");
  REQUIRE(world.shell("cd a && vmfleet up").code == 0);
  for (const char* command : {"ps", "logs", "inspect web", "stop --grace 0ms", "start", "down"}) {
    const auto ran = world.shell(std::string("cd a && vmfleet ") + command);
    INFO(command << ": " << ran.out);
    CHECK(ran.code == 0);
    CHECK(ran.out.find("has errors") == std::string::npos);
  }
  CHECK_FALSE(std::filesystem::exists(world.state() / "demo"));
}

TEST_CASE("a hint's command is about the fleet that was asked for") {
  const Vmfleet world;
  auto words = test::up_with("marker", {"-p", "other"});
  REQUIRE(world.run(words).code == 0);
  REQUIRE(world.run({"stop", "-p", "other", "--grace", "0ms"}).code == 0);
  const auto ran = world.run({"-p", "other", "ssh", "vm-0"});
  CHECK_THAT(ran.err, ContainsSubstring("vmfleet -p other start vm-0"));
  const auto document = world.document({"port", "vm-0", "22", "-p", "other"}, 7);
  CHECK_THAT(std::string(document["error"].text("hint")),
             ContainsSubstring("vmfleet -p other start vm-0"));
  const auto elsewhere = world.run({"--state-dir", "my state", "-p", "other", "ps", "vm-9"});
  CHECK_THAT(elsewhere.err, ContainsSubstring("my state' -p other up"));
}

TEST_CASE("several fleets live side by side") {
  const Vmfleet world;
  world.run(up_with("marker", {"-p", "one"}));
  world.run(up_with("marker", {"-p", "two"}));
  CHECK(world.run({"ps", "-q", "-p", "two"}).out == "vm-0\n");
  CHECK_THAT(world.run({"ps"}).err, ContainsSubstring("one, two"));
  CHECK(world.run({"down", "--grace", "0ms", "-p", "one"}).code == 0);
  CHECK(world.document({"ps", "-p", "two"}).integer("ready", 0) == 1);
}

TEST_CASE("VMFLEET_FLEET names the fleet for every command") {
  Vmfleet world;
  world.environment["VMFLEET_FLEET"] = "nightly";
  const auto up = world.document(up_with("marker"));
  CHECK(up.text("fleet") == "nightly");
  CHECK(world.document({"ps"}).text("fleet") == "nightly");
  CHECK(world.document({"down", "--grace", "0ms"})["machines"].as_array()->size() == 1);
}

TEST_CASE("a folder with a fleet file is its own fleet") {
  const Vmfleet world;
  const auto dry = world.run(up_with("marker", {"--dry-run"}));
  REQUIRE(dry.code == 0);
  const auto ran = world.shell(
      "mkdir lab && cd lab && cat >vmfleet.toml <<END\n"
      "[machine.web]\ncount = 2\naccel = \"tcg\"\nmemory = \"32M\"\n"
      "kernel = \"$VMFLEET_TESTKIT_DIR/marker.elf\"\n"
      "[machine.web.ready]\nserial = \"vmfleet: guest ready\"\nEND\n"
      "vmfleet up --progress none >/dev/null && vmfleet ps -q");
  CHECK(ran.out == "web-0\nweb-1\n");
  CHECK(std::filesystem::exists(world.state() / "lab" / "web-1"));
}

TEST_CASE("two folders of one name are told apart before one replaces the other's machines") {
  const Vmfleet world;
  const std::string file =
      "cat >vmfleet.toml <<END\n[machine.web]\naccel = \"tcg\"\nmemory = \"$1\"\n"
      "kernel = \"$VMFLEET_TESTKIT_DIR/marker.elf\"\nEND\n";
  const std::string up = "vmfleet up --progress none\n";
  CHECK(world.shell("mkdir -p a/lab b/lab; cd a/lab\nset -- 32M\n" + file + up).code == 0);
  const auto other = world.shell("cd b/lab\nset -- 33M\n" + file + up);
  CHECK(other.code == 5);
  CHECK_THAT(other.out, ContainsSubstring("runs for the fleet \"lab\" of"));
  CHECK_THAT(other.out, ContainsSubstring("a/lab"));
  CHECK_THAT(other.out, ContainsSubstring("hint: give one of the two another name"));
}
