// SPDX-License-Identifier: MIT
// vmfleet up --clone: machines that start from the saved state of one that has booted.
#include <csignal>
#include <ctime>
#include <fstream>
#include <set>

#include <fmt/format.h>

#include "tests/cli/clone_world.hpp"
#include "tests/cli/terminal.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using test::CloneWorld;
using test::Ran;
using test::Terminal;

namespace {

std::vector<std::string> templates_of(const json::Value& document) {
  std::vector<std::string> keys;
  for (const auto& machine : *document["machines"].as_array()) {
    keys.emplace_back(machine.text("template"));
  }
  return keys;
}

}  // namespace

TEST_CASE("clones are ready, and each has an identity of its own") {
  const CloneWorld world;
  const Ran up = world.up({"-n", "4"});
  INFO(up.err);
  REQUIRE(up.code == 0);
  REQUIRE(world.templates().size() == 1);
  const auto ps = world.document({"ps"});
  const std::string key = world.templates().front().filename().string();
  CHECK(templates_of(ps) == std::vector<std::string>(4, key));
  std::set<std::string> random;
  std::set<std::string> ports;
  for (int i = 0; i < 4; ++i) {
    const std::string name = fmt::format("vm-{}", i);
    const std::string before = std::to_string(std::time(nullptr) - 1);
    CHECK(world.in_guest(name, "hostname") == name + "\n");
    const std::string script = "head -c 32 /dev/urandom | od -An -tx1; cat /proc/uptime >&2";
    random.insert(world.in_guest(name, script));
    CHECK(world.in_guest(name, "date +%s") >= before);
    ports.insert(world.run({"port", name, "ssh"}).out);
    // What it is started from had printed this.
    CHECK_THAT(world.run({"logs", name}).out, ContainsSubstring("vmfleet: guest ready"));
    CHECK(world.run({"wait", name, "--for", "serial=guest ready"}).code == 0);
  }
  CHECK(random.size() == 4);
  CHECK(ports.size() == 4);
  CHECK(world.run({"ssh", "vm-3", "--", "true"}).code == 0);
}

TEST_CASE("a template is kept for the next fleet, and machines outlive it") {
  const CloneWorld world;
  REQUIRE(world.up({"-n", "1"}).code == 0);
  REQUIRE(world.up({"-n", "2", "-p", "other"}).code == 0);
  REQUIRE(world.templates().size() == 1);
  CHECK(world.up({"-n", "1", "-p", "larger", "--memory", "300M"}).code == 0);
  CHECK(world.templates().size() == 2);
  CHECK(world.run({"template", "rm", "--all"}).code == 0);
  CHECK(world.templates().empty());
  CHECK(world.in_guest("vm-0", "hostname") == "vm-0\n");
  CHECK(world.run({"restart", "vm-0"}).code == 0);
  CHECK(templates_of(world.document({"ps"})) == std::vector<std::string>{""});
  CHECK(world.run({"down", "-p", "other"}).code == 0);
  CHECK(world.run({"down", "-p", "larger"}).code == 0);
}

TEST_CASE("run has clones, too, and leaves only their template") {
  const CloneWorld world;
  const std::string script = "cat $VMFLEET_JSON; " + test::program_path() + " exec vm-1 hostname";
  const Ran ran =
      world.run({"run", "--clone", "--accel", "tcg", "-n", "2", "--", "sh", "-c", script});
  INFO(ran.err);
  CHECK(ran.code == 0);
  CHECK(test::count_of(ran.out, "\"template\"") == 2);
  CHECK_THAT(ran.out, ContainsSubstring("vm-1\n"));
  CHECK(world.templates().size() == 1);
}

TEST_CASE("of commands that want the same template one makes it") {
  const CloneWorld world;
  const std::string up = "vmfleet up --clone --accel tcg --progress none";
  const Ran both = world.shell(fmt::format("{0} -p one & first=$!; {0} -p two && wait $first", up));
  INFO(both.out);
  CHECK(both.code == 0);
  CHECK(world.templates().size() == 1);
  CHECK(world.run({"down", "-p", "one"}).code == 0);
  CHECK(world.run({"down", "-p", "two"}).code == 0);
}

TEST_CASE("up that is killed while it makes a template leaves nothing that is used") {
  const CloneWorld world;
  Terminal terminal(world, {"--progress", "plain", "up", "--clone", "--accel", "tcg"});
  terminal.wait_for("template: booting");
  terminal.signal(SIGKILL);
  terminal.wait();
  CHECK(world.templates().empty());
  CHECK(world.up({}).code == 0);
  REQUIRE(world.templates().size() == 1);
  std::size_t entries = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(world.templates().front().parent_path())) {
    static_cast<void>(entry);
    ++entries;
  }
  CHECK(entries == 2);  // it, and its lock
}

TEST_CASE("a clone whose start was killed before it had an identity is not ready") {
  const CloneWorld world;
  REQUIRE(world.up({}).code == 0);
  std::string state;
  for (int i = 0; i < 10 && state != "starting"; ++i) {
    REQUIRE(world.run({"down"}).code == 0);
    Terminal terminal(world, {"-v", "--progress", "plain", "up", "--clone", "--accel", "tcg"});
    terminal.wait_for("renewing its identity");
    terminal.signal(SIGKILL);
    terminal.wait();
    state = test::machine(world.document({"ps"}), 0).text("state");
  }
  REQUIRE(state == "starting");
  const Ran wait = world.run({"wait", "vm-0", "--timeout", "60s"});
  CHECK(wait.code == 1);
  CHECK_THAT(wait.err, ContainsSubstring("it has no identity of its own"));
  CHECK(test::machine(world.document({"ps"}), 0).text("state") == "starting");
  const Ran up = world.up({});
  INFO(up.err);
  CHECK(up.code == 0);
  CHECK(test::machine(world.document({"ps"}), 0).text("state") == "ready");
  CHECK(world.in_guest("vm-0", "hostname") == "vm-0\n");
}

TEST_CASE("from a damaged template machines are booted, and it goes") {
  const CloneWorld world;
  REQUIRE(world.up({}).code == 0);
  REQUIRE(world.run({"down"}).code == 0);
  const auto original = world.templates().front();
  std::filesystem::resize_file(original / "devices", 1000);
  const Ran up = world.up({"-n", "2"});
  INFO(up.err);
  CHECK(up.code == 0);
  CHECK_THAT(up.err, ContainsSubstring("it is booted, for it could not be cloned"));
  CHECK(templates_of(world.document({"ps"})) == std::vector<std::string>(2, ""));
  CHECK(world.templates().empty());
}

TEST_CASE("a template whose memory is lost starts nothing that is kept, and goes") {
  const CloneWorld world;
  REQUIRE(world.up({}).code == 0);
  REQUIRE(world.run({"down"}).code == 0);
  const auto memory = world.templates().front() / "memory";
  const auto size = std::filesystem::file_size(memory);
  std::filesystem::resize_file(memory, 0);
  std::filesystem::resize_file(memory, size);
  const Ran up = world.up({});
  INFO(up.err);
  CHECK(up.code == 0);
  CHECK_THAT(up.err, ContainsSubstring("it is booted, for it could not be cloned"));
  CHECK(templates_of(world.document({"ps"})) == std::vector<std::string>(1, ""));
  CHECK(world.templates().empty());
}

TEST_CASE("a template that lacks a file is made anew") {
  const CloneWorld world;
  REQUIRE(world.up({}).code == 0);
  REQUIRE(world.run({"down"}).code == 0);
  const auto original = world.templates().front();
  std::filesystem::resize_file(original / "memory", 4096);
  CHECK(world.templates().empty());
  const Ran up = world.up({});
  INFO(up.err);
  CHECK(up.code == 0);
  CHECK(templates_of(world.document({"ps"})) ==
        std::vector<std::string>(1, original.filename().string()));
}

TEST_CASE("a template is not kept when what it is made of changed meanwhile") {
  const CloneWorld world;
  const auto file = world.folder() / "injected";
  std::ofstream(file) << "before";
  std::ofstream(world.folder() / "vmfleet.toml") << R"(
[machine.linux]
image = "tiny"
accel = "tcg"
template = "auto"
inject = [{ via = "fw_cfg", path = "mine/file", source = "injected" }]
)";
  Terminal terminal(
      world, {"--progress", "plain", "up", "-f", (world.folder() / "vmfleet.toml").string()});
  terminal.wait_for("template: booting");
  std::ofstream(file) << "after";
  CHECK(terminal.wait() == 0);
  INFO(terminal.output());
  CHECK_THAT(terminal.output(), ContainsSubstring("what it is made of changed while it booted"));
  CHECK(world.templates().empty());
}

TEST_CASE("what cannot be cloned is booted, with the reason") {
  const CloneWorld world;
  std::ofstream(world.folder() / "vmfleet.toml") << R"(
[defaults]
accel = "tcg"
template = "auto"
[machine.cold]
image = "tiny"
agent = false
[machine.own]
count = 2
image = "tiny"
append = ["owner={name}"]
)";
  const Ran up = world.shell("cd " + world.folder().string() + " && vmfleet up");
  INFO(up.out);
  CHECK(up.code == 0);
  CHECK_THAT(up.out, ContainsSubstring("cold is booted, not cloned: it has no guest agent"));
  CHECK(test::count_of(up.out, "own is booted, not cloned: its kernel's arguments name it") == 1);
  CHECK(world.templates().empty());
  CHECK(world.shell("cd " + world.folder().string() + " && vmfleet down").code == 0);
  const Ran again = world.shell("cd " + world.folder().string() + " && vmfleet up --cold");
  CHECK_THAT(again.out, !ContainsSubstring("not cloned"));
  CHECK(world.shell("cd " + world.folder().string() + " && vmfleet down").code == 0);
}
