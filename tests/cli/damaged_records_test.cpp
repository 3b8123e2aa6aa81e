// SPDX-License-Identifier: MIT
// Records that were damaged, lost, or written by a later vmfleet: what commands say, and leave.
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include <vmfleet/instance/intent.hpp>
#include <vmfleet/instance/record.hpp>
#include <vmfleet/testkit/guests.hpp>

#include "tests/cli/program.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

constexpr const char* kIntent = instance_file::kIntent;
constexpr const char* kState = instance_file::kState;

/// vm-0 of the fleet `default`.
struct Lossy : Vmfleet {
  [[nodiscard]] std::filesystem::path file(const std::string& name) const {
    return state() / "default" / "vm-0" / name;
  }
  void damage(const char* record) const { std::ofstream(file(record)) << "{garbage"; }
  [[nodiscard]] std::string text_of(const char* record) const {
    std::ifstream stream(file(record));
    return std::string(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
  }
};

}  // namespace

TEST_CASE("ps says what it sets aside, and what is lost for as long as it is") {
  const Lossy world;
  REQUIRE(world.run(up_with("marker")).code == 0);
  REQUIRE(world.run({"stop", "--grace", "0ms"}).code == 0);
  world.damage(kState);
  const Ran first = world.run({"ps"});
  CHECK(first.code == 9);
  CHECK_THAT(first.out, ContainsSubstring("vm-0  stopped"));
  CHECK_THAT(first.err, ContainsSubstring("set aside as state.json.corrupt"));
  for (int look = 0; look < 2; ++look) {
    const Ran again = world.run({"ps"});
    CHECK(again.code == 0);
    CHECK_THAT(again.out, ContainsSubstring("vm-0  stopped"));
    CHECK_THAT(again.err, ContainsSubstring("warning: vm-0: state.json was damaged"));
  }
  CHECK(machine(world.document({"ps"}), 0).texts("warnings").size() == 1);
  const Ran up = world.run(up_with("marker"));
  CHECK(up.code == 0);
  CHECK_THAT(up.err, ContainsSubstring("warning: vm-0: state.json was damaged"));
  CHECK(world.run({"ps"}).err.empty());
}

TEST_CASE("a machine whose records were damaged is as paused as it was") {
  const Lossy world;
  const bool from_the_start = GENERATE(false, true);
  if (from_the_start) {
    std::ofstream(world.folder() / "vmfleet.toml") << fmt::format(
        "fleet = 'default'\n[machine.vm-0]\nkernel = '{}'\naccel = 'tcg'\n"
        "memory = '32M'\npaused = true\n",
        testkit::guest_path("marker").string());
    REQUIRE(world.run({"up"}).code == 0);
  } else {
    REQUIRE(world.run(up_with("marker")).code == 0);
    REQUIRE(world.run({"pause"}).code == 0);
  }
  for (const char* record : {kState, kIntent}) {
    INFO(record << " " << from_the_start);
    world.damage(record);
    CHECK(machine(world.document({"ps"}, 9), 0).text("state") == "paused");
    CHECK(machine(world.document({"ps"}), 0).text("state") == "paused");
  }
}

TEST_CASE("what a stopped machine was started from is not made up when its record was lost") {
  const Lossy world;
  REQUIRE(world.run(up_with("marker")).code == 0);
  REQUIRE(world.run({"stop", "--grace", "0ms"}).code == 0);
  world.damage(kIntent);
  for (const char* command : {"ps", "start", "start", "restart", "cmdline"}) {
    INFO(command);
    const bool of_one = std::string(command) == "cmdline";
    const Ran ran = world.run(of_one ? Words{command, "vm-0"} : Words{command});
    CHECK(ran.code == 9);
    CHECK_THAT(ran.err, ContainsSubstring("intent.json.corrupt"));
  }
  CHECK(world.run(up_with("marker")).code == 0);
  CHECK(world.run({"restart", "--grace", "0ms"}).code == 0);
}

TEST_CASE("up does not take a machine whose record was lost for another one") {
  const Lossy world;
  REQUIRE(world.run(up_with("marker")).code == 0);
  const Ran before = world.run({"cmdline", "vm-0"});
  world.damage(kIntent);
  for (int look = 0; look < 2; ++look) {
    const Ran up = world.run(up_with("marker"));
    CHECK(up.code == 9);
    CHECK_THAT(up.err, ContainsSubstring("what vm-0 was started from is not known"));
    CHECK_THAT(up.err, !ContainsSubstring("--recreate"));
    CHECK(world.run({"cmdline", "vm-0"}).out == before.out);
  }
  CHECK(world.run({"restart", "--grace", "0ms"}).code == 9);
  CHECK_THAT(world.run({"ps"}).err, ContainsSubstring("what it was started from is not known"));
  CHECK_THAT(world.run({"ps"}).out, ContainsSubstring("vm-0  ready"));
  CHECK(world.run({"stop", "--grace", "0ms"}).code == 0);
  CHECK(world.run(up_with("marker")).code == 0);
  CHECK(world.run({"ps"}).err.empty());
}

TEST_CASE("no command touches what a later vmfleet has written") {
  const Lossy world;
  const bool runs = GENERATE(true, false);
  const std::string record = GENERATE(kIntent, kState);
  REQUIRE(world.run(up_with("marker")).code == 0);
  if (!runs) REQUIRE(world.run({"stop", "--grace", "0ms"}).code == 0);
  const std::string whole = world.text_of(record.c_str());
  const auto body = json::parse(whole);
  REQUIRE(body.ok());
  write_record(InstanceDirectory::open(world.file("").parent_path()), record.c_str(),
               "vmfleet." + record.substr(0, record.find('.')) + "/99", (*body)["body"]);
  const std::string later = world.text_of(record.c_str());
  for (const Words& words :
       {Words{"ps"}, up_with("marker"), up_with("marker", {"--recreate"}), Words{"start"},
        Words{"restart"}, Words{"stop"}, Words{"kill"}, Words{"pause"}, Words{"inspect", "vm-0"},
        Words{"rm", "vm-0"}, Words{"down"}}) {
    if (!runs && words.front() == "pause") continue;
    const Ran ran = world.run(words);
    INFO(record << (runs ? ", runs, " : ", ") << words.front() << ": " << ran.err);
    CHECK(ran.code == 5);
    CHECK_THAT(ran.err, ContainsSubstring("was written by a newer vmfleet"));
    CHECK(world.text_of(record.c_str()) == later);
  }
  world.run({"gc"});
  CHECK(world.text_of(record.c_str()) == later);
  CHECK_FALSE(std::filesystem::exists(world.file(record + ".corrupt")));
  std::ofstream(world.file(record)) << whole;
  CHECK(world.run({"down", "--grace", "0ms"}).code == 0);
}
