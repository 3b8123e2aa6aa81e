// SPDX-License-Identifier: MIT
#include "tests/support/catch.hpp"
#include "tests/unit/fleet/spec_text.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

constexpr const char* kDb = "\n[machine.db]\nimage = 'tiny'\ncount = 2\n";

/// A class `web` with these keys on line 3, and a class `db` of two.
std::vector<std::string> problems_beside_db(const std::string& keys) {
  return problems_in("[machine.web]\nimage = 'tiny'\n" + keys + kDb);
}

}  // namespace

TEST_CASE("a machine waits for others until they are as it asks") {
  const FleetSpec fleet = parse_toml(
      "[machine.web]\nimage = 'tiny'\ndepends_on = { db = 'ready', seed = 'completed' }\n"
      "[machine.db]\nimage = 'tiny'\ndepends_on = { net = 'started' }\n"
      "[machine.seed]\nimage = 'tiny'\n[machine.net]\nimage = 'tiny'\npaused = true\n");
  const Dependencies web = {{"db", DependencyCondition::ready},
                            {"seed", DependencyCondition::completed}};
  CHECK(fleet.machines[0].depends_on == web);
  CHECK(fleet.machines[1].depends_on.at("net") == DependencyCondition::started);
  const json::Value shown = describe(fleet);
  const json::Value& first = shown["machines"].as_array()->front();
  CHECK(json::write(first["depends_on"]) == R"({"db":"ready","seed":"completed"})");
}

TEST_CASE("what a machine waits for is not what it is: it needs no new one") {
  const std::string text = "[machine.web]\nimage = 'tiny'\n";
  const FleetSpec alone = parse_toml(text + kDb);
  const FleetSpec waits = parse_toml(text + "depends_on = { db = 'ready' }" + kDb);
  CHECK(alone.machines[0].hash == waits.machines[0].hash);
}

TEST_CASE("a machine is recalled with what it depends on") {
  const FleetSpec fleet =
      parse_toml("[machine.web]\nimage = 'tiny'\ndepends_on.db = 'started'" + std::string(kDb));
  const MachineSpec again = recall(fleet.machines[0].source, "/state");
  CHECK(again.depends_on == fleet.machines[0].depends_on);
  CHECK(again.hash == fleet.machines[0].hash);
}

TEST_CASE("a dependency on what is not there is told where it stands") {
  CHECK(problems_beside_db("depends_on = { dbs = 'ready' }") ==
        Lines{"3:16: machine.web.depends_on.dbs: there is no machine class \"dbs\" "
              "(did you mean \"db\"?)"});
  CHECK(problems_beside_db("depends_on = { db-1 = 'ready' }") ==
        Lines{"3:16: machine.web.depends_on.db-1: there is no machine class \"db-1\" "
              "(name its class: \"db\")"});
  CHECK(problems_beside_db("depends_on = { zoo = 'ready' }") ==
        Lines{"3:16: machine.web.depends_on.zoo: there is no machine class \"zoo\" "
              "(the others are: db)"});
  CHECK(problems_beside_db("depends_on = { web = 'ready' }") ==
        Lines{"3:16: machine.web.depends_on.web: a machine cannot wait for its own class "
              "(remove it)"});
}

TEST_CASE("a condition is one that can be waited for") {
  CHECK(problems_beside_db("depends_on = { db = 'redy' }") ==
        Lines{"3:21: machine.web.depends_on.db: \"redy\" is nothing that can be waited for "
              "(did you mean \"ready\"?)"});
  CHECK_THAT(problems_beside_db("depends_on = ['db']").at(0),
             ContainsSubstring("must be a table, and is a list (depends_on = { db = \"ready\" })"));
  CHECK_THAT(problems_beside_db("depends_on = { db = true }").at(0),
             ContainsSubstring("must be a string, and is true or false"));
}

TEST_CASE("what will not come by itself is not waited for") {
  for (const std::string condition : {"ready", "completed"}) {
    const auto problems = problems_beside_db("depends_on = { db = '" + condition + "' }");
    CHECK(problems.empty());
    const auto paused = problems_in("[machine.web]\nimage = 'tiny'\ndepends_on = { db = '" +
                                    condition + "' }" + kDb + "paused = true\n");
    CHECK(paused == Lines{"3:16: machine.web.depends_on.db: db starts paused, and is not " +
                          condition + " by itself (set \"started\")"});
  }
}

TEST_CASE("a machine that is always started again never completes") {
  const std::string web = "[machine.web]\nimage = 'tiny'\ndepends_on = { db = 'completed' }";
  CHECK(problems_in(web + kDb + "restart = 'on-failure'\n").empty());
  CHECK_THAT(problems_in(web + kDb + "restart = 'always'\n").at(0),
             ContainsSubstring("3:16: machine.web.depends_on.db: db is always started again"));
}

TEST_CASE("classes that wait for each other are told once, with the way") {
  const auto problems = problems_in(
      "[machine.a]\nimage = 'tiny'\ndepends_on = { b = 'ready' }\n"
      "[machine.b]\nimage = 'tiny'\ncount = 3\ndepends_on = { c = 'ready' }\n"
      "[machine.c]\nimage = 'tiny'\ndepends_on = { a = 'started' }\n");
  CHECK(problems == Lines{"3:16: machine.a.depends_on.b: they would wait for each other: "
                          "a → b → c → a (remove one of these dependencies)"});
}

TEST_CASE("dependencies of the defaults are every machine's") {
  const auto problems = problems_in(
      "[defaults]\ndepends_on = { db = 'ready' }\n"
      "[machine.web]\nimage = 'tiny'\n[machine.db]\nimage = 'tiny'\n");
  CHECK(problems == Lines{"2:16: machine.db.depends_on.db: a machine cannot wait for its own class "
                          "(remove it)"});
}
