// SPDX-License-Identifier: MIT
// Machines of a fleet file that depend on each other.
#include <fstream>

#include <vmfleet/testkit/guests.hpp>

#include "tests/cli/program.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using test::Vmfleet;

namespace {

/// web depends on db, alone on nobody.
void write_fleet(const Vmfleet& world, const std::string& db_guest, const std::string& keys = "") {
  const auto kernel = [](const std::string& guest) {
    return "kernel = '" + testkit::guest_path(guest).string() + "'\n";
  };
  std::ofstream(world.folder() / "vmfleet.toml")
      << "fleet = 'demo'\n[defaults]\naccel = 'tcg'\nmemory = '32M'\nnet = []\n"
         "ready.serial = 'vmfleet: guest ready'\n[machine.web]\n"
      << kernel("button") << "depends_on = { db = 'ready' }\n[machine.alone]\n"
      << kernel("button") << "[machine.db]\n"
      << kernel(db_guest) << keys;
}

std::vector<std::string> names_of(const json::Value& document) {
  std::vector<std::string> names;
  for (const auto& machine : *document["machines"].as_array()) {
    names.emplace_back(machine.text("name"));
  }
  return names;
}

}  // namespace

TEST_CASE("machines start after what they depend on, and stop before it") {
  const Vmfleet world;
  write_fleet(world, "button");
  const auto up = world.run({"up", "web", "--max-boot", "1"});
  CHECK(up.code == 0);
  CHECK_THAT(up.err, ContainsSubstring("web: created: waits for db"));
  CHECK(up.err.find("db: ready") < up.err.find("web: starting"));
  CHECK(names_of(world.document({"ps"})) == std::vector<std::string>{"db", "web"});
  const auto inspected = world.document({"inspect", "web", "--config"});
  CHECK(json::write((*inspected["machines"].as_array())[0]["config"]["depends_on"]) ==
        R"({"db":"ready"})");
  const auto stopped = world.run({"stop"});
  CHECK(stopped.code == 0);
  CHECK(stopped.err.find("web: stopped") < stopped.err.find("db: stopping"));
  const auto started = world.run({"start"});
  CHECK(started.code == 0);
  CHECK(started.err.find("db: ready") < started.err.find("web: starting"));
}

TEST_CASE("a machine that fails takes with it what depends on it, and nothing else") {
  const Vmfleet world;
  write_fleet(world, "panic");
  const auto up = world.document({"up"}, 3);
  const auto& machines = *up["machines"].as_array();
  CHECK(machines[0].text("state") == "failed");
  CHECK(machines[0]["error"].text("kind") == "unavailable");
  CHECK_THAT(std::string(machines[0]["error"].text("message")),
             ContainsSubstring("not started: db, which it depends on, failed: "));
  CHECK(machines[1].text("state") == "ready");
  CHECK(machines[2]["error"].text("kind") == "exited");
}

TEST_CASE("an order that cannot be is told with its place, before anything starts") {
  const Vmfleet world;
  write_fleet(world, "button", "depends_on.web = 'ready'\n");
  const auto up = world.run({"up"});
  CHECK(up.code == 2);
  CHECK_THAT(up.err, ContainsSubstring("vmfleet.toml:14:12: machine.db.depends_on.web: "));
  CHECK_THAT(up.err, ContainsSubstring("db → web → db"));
  CHECK_FALSE(std::filesystem::exists(world.state()));
}
