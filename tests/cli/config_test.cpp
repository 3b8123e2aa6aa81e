// SPDX-License-Identifier: MIT
// vmfleet config: what a fleet file comes to.
#include <fstream>

#include "tests/cli/program.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using test::Vmfleet;

TEST_CASE("config shows every machine of a file with its defaults, and starts nothing") {
  const Vmfleet world;
  std::ofstream(world.folder() / "vmfleet.toml")
      << "fleet = \"demo\"\n[defaults]\nmemory = \"512M\"\n"
         "[machine.web]\ncount = 2\nimage = \"tiny\"\nready.serial = \"listening on {name}\"\n";
  const auto document = world.document({"config"});
  CHECK(document.text("schema") == "vmfleet.config/1");
  CHECK(document.text("fleet") == "demo");
  const auto& machines = *document["machines"].as_array();
  REQUIRE(machines.size() == 2);
  CHECK(machines[1].text("name") == "web-1");
  CHECK(machines[1].text("memory") == "512M");
  CHECK(json::write(machines[1]["ready"]["serial"]) == R"(["listening on web-1"])");
  const auto text = world.run({"config"});
  CHECK(text.code == 0);
  CHECK_THAT(text.out, ContainsSubstring("    name: web-1\n"));
  CHECK_FALSE(std::filesystem::exists(world.state()));
}

TEST_CASE("config tells all that is wrong with a file") {
  const Vmfleet world;
  std::ofstream(world.folder() / "vmfleet.toml") << "[machine.web]\nmemry = 1\ncpus = 0\n";
  const auto ran = world.run({"config"});
  CHECK(ran.code == 2);
  CHECK(ran.out.empty());
  CHECK_THAT(ran.err, ContainsSubstring("memry"));
  CHECK_THAT(ran.err, ContainsSubstring("cpus"));
}
