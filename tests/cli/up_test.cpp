// SPDX-License-Identifier: MIT
// What `up` answers: of real machines, QEMU under TCG with tiny guests.
#include <fstream>
#include <regex>
#include <sstream>

#include <vmfleet/base/text.hpp>
#include <vmfleet/testkit/guests.hpp>

#include "tests/cli/program.hpp"
#include "tests/cli/terminal.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using test::count_of;
using test::machine;
using test::Ran;
using test::Terminal;
using test::up_with;
using test::Vmfleet;
using test::Words;

TEST_CASE("a fleet comes up, is looked at, and goes down without a trace") {
  const Vmfleet world;
  const auto up = world.document(up_with("marker", {"-n", "3", "--forward", "ssh:22"}));
  CHECK(up.text("schema") == "vmfleet.up/1");
  CHECK(up.text("fleet") == "default");
  CHECK(up.integer("ready", -1) == 3);
  CHECK(up.integer("failed", -1) == 0);
  REQUIRE(up["machines"].as_array()->size() == 3);
  const auto ps = world.document({"ps"});
  for (std::size_t i = 0; i < 3; ++i) {
    const auto& seen = machine(ps, i);
    CHECK(seen.text("name") == "vm-" + std::to_string(i));
    CHECK(seen.text("state") == "ready");
    CHECK(seen.integer("pid", 0) > 1);
    CHECK(seen.text("uuid").size() == 36);
    CHECK(seen.integer("ready_ms", -1) >= 0);
    const auto& port = seen["ports"].as_array()->at(0);
    CHECK(port.text("name") == "ssh");
    CHECK(port.text("host_addr") == "127.0.0.1");
    CHECK(port.integer("host", 0) > 0);
    CHECK(port.integer("guest", 0) == 22);
  }
  const auto down = world.document({"down", "--grace", "0ms"});
  CHECK(down.text("schema") == "vmfleet.down/1");
  CHECK(down["machines"].as_array()->size() == 3);
  CHECK_FALSE(std::filesystem::exists(world.state() / "default"));
}

TEST_CASE("up may be repeated, and starts what is missing") {
  const Vmfleet world;
  const auto first = world.document(up_with("marker"));
  const auto second = world.document(up_with("marker", {"-n", "2"}));
  CHECK(machine(first, 0).integer("pid", 1) == machine(second, 0).integer("pid", 2));
  CHECK(second.integer("ready", -1) == 2);
}

TEST_CASE("an emulated machine takes its memory in small pages") {
  const Vmfleet world;
  const auto up = world.document(up_with("marker"));
  std::ifstream file("/proc/" + std::to_string(machine(up, 0).integer("pid", 0)) + "/status");
  std::stringstream status;
  status << file.rdbuf();
  CHECK_THAT(status.str(), ContainsSubstring("THP_enabled:\t0"));
}

TEST_CASE("the answer of up for people is the table of ps") {
  const Vmfleet world;
  const auto up = world.run(up_with("marker", {"-n", "2"}));
  CHECK(up.code == 0);
  CHECK(up.out == world.run({"ps"}).out);
  CHECK(count_of(up.out, "\n") == 3);
  CHECK(world.run({"ps", "-q"}).out == "vm-0\nvm-1\n");
  CHECK(world.run({"ps", "-q", "vm-{1..1}"}).out == "vm-1\n");
}

TEST_CASE("a dry run prints the plan and command lines, and starts nothing") {
  const Vmfleet world;
  const auto ran = world.run(up_with("marker", {"-n", "2", "--dry-run"}));
  CHECK(ran.code == 0);
  CHECK(count_of(ran.out, "qemu-system-x86_64") == 2);
  CHECK_FALSE(std::filesystem::exists(world.state() / "default"));
  const auto document = world.document(up_with("marker", {"--dry-run"}));
  CHECK(document.text("schema") == "vmfleet.dry-run/1");
  CHECK(document["commands"].as_array()->size() == 1);
  CHECK(*(*document["plan"]["start"].as_array())[0].as_string() == "vm-0");
  CHECK(document["plan"].integer("boots_at_once", 0) > 0);
}

namespace {

/// The lines that a shell ignores, without what is this host's.
std::string plan_in(const std::string& out) {
  std::istringstream lines(out);
  std::string plan;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind('#', 0) == 0) plan += line + "\n";
  }
  return std::regex_replace(plan, std::regex("[0-9.]+(G?) (available|allowed)"), "N$1 $2");
}

}  // namespace

TEST_CASE("the plan of a dry run is a comment in front of commands that a shell understands") {
  const Vmfleet world;
  REQUIRE(world.run(up_with("marker")).code == 0);
  const Words more{"-n", "12", "--max-boot", "3", "--dry-run"};
  const auto ran = world.run(up_with("marker", more));
  test::compare_with_golden("dry_run.txt", plan_in(ran.out));
  std::ofstream(world.folder() / "pasted") << ran.out;
  const auto checked = world.shell("sh -n pasted && grep -c '^qemu-system\\|^/.*qemu' pasted");
  CHECK(checked.out == "12\n");
}

TEST_CASE("machines that a lowered count leaves are told of") {
  const Vmfleet world;
  CHECK_THAT(world.run(up_with("marker", {"-n", "3"})).err, !ContainsSubstring("vmfleet down"));
  const auto fewer = world.run(up_with("marker", {"-n", "1"}));
  CHECK(fewer.code == 0);
  CHECK_THAT(fewer.err, ContainsSubstring("`vmfleet down vm-1 vm-2` removes them"));
  CHECK(world.run({"ps", "-q"}).out == "vm-0\nvm-1\nvm-2\n");
}

TEST_CASE("a machine that ends with a code of success has done what it should") {
  const Vmfleet world;
  const auto file = world.folder() / "machines.toml";
  std::ofstream(file) << "[machine.vm]\naccel = \"tcg\"\nmemory = \"32M\"\nkernel = \""
                      << testkit::guest_path("exit_code").string()
                      << "\"\nexit_codes = { 33 = \"success\" }\n"
                         "ready.exit = true\nready.timeout = \"60s\"\n";
  const auto up = world.document({"up", "-f", file.string(), "-p", "default"});
  CHECK(machine(up, 0).text("state") == "stopped");
  const auto ps = world.document({"ps"});
  const auto& exit = machine(ps, 0)["exit"];
  CHECK(exit.integer("code", 0) == 33);
  CHECK(exit.text("reason") == "the guest ended with exit code 33: success");
}

TEST_CASE("up tells of a machine that was removed while others were waited for") {
  const Vmfleet world;
  const auto kernel = [](const char* guest) {
    return "kernel = '" + testkit::guest_path(guest).string() + "'\n";
  };
  std::ofstream(world.folder() / "two.toml")
      << "fleet = 'two'\n[defaults]\naccel = 'tcg'\nmemory = '32M'\n"
      << "ready = { serial = 'guest ready' }\n[machine.a]\n"
      << kernel("marker") << "[machine.b]\n"
      << kernel("hang");
  Terminal up(world,
              {"up", "-f", world.folder() / "two.toml", "--progress", "plain", "--color", "never"});
  up.wait_for("a: ready");
  world.run({"down", "-p", "two", "--grace", "0ms", "a"});
  world.run({"kill", "-p", "two", "b"});
  up.wait_for("b was stopped by another command");
  up.wait_for("a was removed by another command");
  CHECK(up.wait() == 5);
}

TEST_CASE("up tells of a machine that another command ended or removed while it booted") {
  const Vmfleet world;
  for (const Words& other :
       {Words{"kill"}, Words{"stop", "--grace", "0ms"}, Words{"down", "--grace", "0ms"},
        Words{"restart", "--grace", "0ms", "--no-wait"}}) {
    INFO(other.front());
    Terminal up(world, up_with("hang", {"--progress", "plain", "--color", "never"}));
    up.wait_for("booting");
    CHECK(world.run(other).code == 0);
    up.wait_for("by another command");
    CHECK(up.wait() == 5);
    world.run({"down", "--grace", "0ms"});
  }
}

TEST_CASE("commands that come between each other never fail of a file that is gone") {
  Vmfleet world;
  world.environment["UP"] =
      "vmfleet " + shell_join(up_with("marker", {"-n", "2", "--progress", "none"}));
  for (const std::string other : {"down --grace 0ms", "restart --grace 0ms", "kill"}) {
    world.environment["OTHER"] = "vmfleet " + other;
    const Ran ran = world.shell(R"(
one() {
  eval "$1" >out.$2 2>&1
  code=$?
  case $code in 0 | 3 | 4 | 5) ;; *) echo "$1: $code"; cat out.$2;; esac
}
for round in 1 2 3 4 5 6; do
  one "$UP" $round.up &
  one "$OTHER" $round.other &
  one "vmfleet restart --grace 0ms" $round.restart &
  wait
done
grep -h -e 'No such file' -e 'did not say why' -e 'nothing is recorded' out.*
true)");
    INFO(other << ": " << ran.out);
    CHECK(ran.out.empty());
    CHECK(ran.code == 0);
  }
}

TEST_CASE("up --attach follows the consoles, and Ctrl-C stops the machines") {
  const Vmfleet world;
  const Words up = up_with("button", {"-n", "2", "--attach"});
  Terminal attached(world, up);
  for (int machines = 0; machines < 2; ++machines) attached.wait_for("vmfleet: guest ready");
  attached.type("\x03");
  CHECK(attached.wait() == 130);
  const auto ps = world.document({"ps"});
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(machine(ps, i).text("state") == "stopped");
    CHECK(machine(ps, i)["exit"].text("kind") == "guest-shutdown");
  }

  Terminal again(world, up);
  for (int machines = 0; machines < 2; ++machines) again.wait_for("vmfleet: guest ready");
  world.run({"kill", "vm-0"});
  world.run({"stop", "vm-1"});
  CHECK(again.wait() == 0);
}

TEST_CASE("the first process of a container warns that its machines end with it") {
  const Vmfleet world;
  const std::string container = "unshare -Urpf --mount-proc ";
  if (world.shell(container + "true").code != 0) return;  // not everybody may make one
  std::ofstream(world.folder() / "vmfleet.toml")
      << "fleet = 'default'\n[machine.a]\naccel = 'tcg'\nmemory = '32M'\nkernel = '"
      << testkit::guest_path("marker").string() << "'\nready.serial = 'guest ready'\n";
  const auto up = world.shell(container + "\"$PROGRAM\" up");
  CHECK(up.code == 0);
  CHECK_THAT(up.out, ContainsSubstring("warning: this is the first process of its container"));
  CHECK(machine(world.document({"ps"}), 0).text("state") == "crashed");
  CHECK_THAT(world.shell("vmfleet up").out, !ContainsSubstring("warning"));
}

TEST_CASE("a machine is not started in a folder of somebody's files") {
  const Vmfleet world;
  std::filesystem::create_directories(world.folder() / "src/vm-0");
  std::ofstream(world.folder() / "src/vm-0/main.c") << "int main() {}";
  const auto up = world.run(up_with("marker", {"--state-dir", ".", "-p", "src"}));
  CHECK(up.code == 5);
  CHECK_THAT(up.err, ContainsSubstring("holds files that are not vmfleet's"));
  CHECK(world.run({"down", "--state-dir", ".", "-p", "src"}).code == 5);
  CHECK(std::filesystem::exists(world.folder() / "src/vm-0/main.c"));
}
