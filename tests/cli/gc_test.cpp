// SPDX-License-Identifier: MIT
// gc: what killed commands have left goes, and nothing else.
#include <csignal>
#include <fstream>

#include <vmfleet/instance/instance_directory.hpp>
#include <vmfleet/instance/intent.hpp>
#include <vmfleet/instance/locks.hpp>
#include <vmfleet/testkit/guests.hpp>

#include "tests/cli/program.hpp"
#include "tests/cli/terminal.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using test::Ran;
using test::Terminal;
using test::up_with;
using test::Vmfleet;

namespace {

/// Temporary files are apart from those of other tests.
struct World : Vmfleet {
  World() { environment["TMPDIR"] = folder().string(); }

  [[nodiscard]] std::vector<std::filesystem::path> runs() const {
    std::vector<std::filesystem::path> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder())) {
      if (entry.path().filename().string().rfind("vmfleet-run-", 0) == 0) found.push_back(entry);
    }
    return found;
  }
};

void kill_a_run(const World& world) {
  auto words = up_with("marker");
  words[0] = "run";
  words.insert(words.end(), {"--", "sh", "-c", "echo it runs; sleep 1000"});
  Terminal terminal(world, words);
  terminal.wait_for("it runs");
  terminal.signal(SIGKILL);
  terminal.wait();
  REQUIRE(world.runs().size() == 1);
}

std::vector<std::string> kinds(const json::Value& list) {
  std::vector<std::string> words;
  for (const auto& one : *list.as_array()) words.emplace_back(one.text("kind"));
  return words;
}

}  // namespace

TEST_CASE("gc leaves what runs and what was stopped, and says that there is nothing to do") {
  const World world;
  REQUIRE(world.run(up_with("marker", {"-n", "2"})).code == 0);
  REQUIRE(world.run({"stop", "vm-1", "--grace", "0ms"}).code == 0);
  const Ran gc = world.run({"gc"});
  CHECK(gc.code == 0);
  CHECK(gc.out.empty());
  CHECK_THAT(gc.err, ContainsSubstring("nothing to remove"));
  CHECK(world.document({"ps"}).integer("ready", 0) == 1);
  CHECK(world.run({"start", "vm-1"}).code == 0);
}

TEST_CASE("what gc advises names the state directory that it was given") {
  const World world;
  REQUIRE(world.run(up_with("marker")).code == 0);
  REQUIRE(world.run({"stop", "--grace", "0ms"}).code == 0);
  const auto directory = InstanceDirectory::open(world.state() / "default" / "vm-0");
  auto intent = read_intent(directory);
  REQUIRE(intent);
  intent->boot_id = "11111111-2222-3333-4444-555555555555";
  write_intent(directory, *intent);
  std::ofstream(directory.path() / "notes") << "mine";
  const std::string root = world.state().string();
  const Ran gc = world.run({"gc", "--state-dir", root});
  CHECK_THAT(gc.err, ContainsSubstring("vmfleet --state-dir " + root + " rm -p default vm-0"));
  const Ran short_one = world.run({"gc"});
  CHECK_THAT(short_one.err, ContainsSubstring("vmfleet rm -p default vm-0"));
}

TEST_CASE("gc removes the folder of a run that was killed, with its key") {
  const World world;
  kill_a_run(world);
  const auto seen = world.document({"gc", "--dry-run"});
  CHECK(seen.flag("dry_run", false));
  CHECK(kinds(seen["removed"]) == std::vector<std::string>{"run"});
  CHECK(seen.integer("bytes", 0) > 0);
  REQUIRE(world.runs().size() == 1);
  const Ran gc = world.run({"gc"});
  CHECK(gc.code == 0);
  CHECK_THAT(gc.out, ContainsSubstring("removed run " + world.folder().string()));
  CHECK(world.runs().empty());
}

TEST_CASE("gc says what of a killed run it could not remove, and tries again") {
  const World world;
  kill_a_run(world);
  const auto busy = world.runs().front() / "busy";
  std::filesystem::create_directories(busy);
  const Ran gc = world.shell(
      "for unshare in 'unshare -m' 'unshare -rm'; do\n"
      "  $unshare true 2>/dev/null || continue\n"
      "  $unshare sh -c 'mount -t tmpfs none \"$1\" || exit 99; exec \"$PROGRAM\" gc 2>&1' sh " +
      busy.string() + "\n  exit $?\ndone\nexit 99");
  INFO(gc.out);
  if (gc.code == 99) {
    WARN("no file systems can be mounted here");
    return;
  }
  CHECK(gc.code == 1);
  CHECK_THAT(gc.out, ContainsSubstring("kept run " + world.runs().front().string()));
  CHECK_THAT(gc.out, ContainsSubstring("resource busy"));
  CHECK_THAT(gc.out, !ContainsSubstring("removed run"));
  CHECK(world.run({"gc"}).code == 0);
  CHECK(world.runs().empty());
}

TEST_CASE("gc does without a temporary folder") {
  World world;
  world.environment["TMPDIR"] = (world.folder() / "missing").string();
  const Ran gc = world.run({"gc"});
  INFO(gc.err);
  CHECK(gc.code == 0);
}

TEST_CASE("gc leaves a run that goes on") {
  const World world;
  auto words = up_with("marker");
  words[0] = "run";
  words.insert(words.end(), {"--", "sh", "-c", "echo it runs; read end"});
  Terminal terminal(world, words);
  terminal.wait_for("it runs");
  CHECK(world.run({"gc"}).out.empty());
  CHECK(world.runs().size() == 1);
  terminal.type("\n");
  CHECK(terminal.wait() == 0);
}

TEST_CASE("gc leaves a machine that another command works on, and says so") {
  const World world;
  REQUIRE(world.run(up_with("marker")).code == 0);
  REQUIRE(world.run({"stop", "--grace", "0ms"}).code == 0);
  const auto lock =
      OperationLock::acquire(InstanceDirectory::open(world.state() / "default" / "vm-0"));
  const Ran gc = world.run({"gc"});
  CHECK(gc.code == 0);
  CHECK_THAT(gc.err, ContainsSubstring("kept machine"));
  CHECK_THAT(gc.err, ContainsSubstring("another command works on vm-0"));
}

TEST_CASE("gc ends a QEMU whose folder is gone") {
  const World world;
  REQUIRE(world.run(up_with("marker")).code == 0);
  std::filesystem::remove_all(world.state() / "default");
  const auto gone = world.document({"gc"});
  CHECK(kinds(gone["removed"]) == std::vector<std::string>{"process"});
  test::ProcessLeakGuard guard;
  CHECK(kinds(world.document({"gc"})["removed"]).empty());
}
