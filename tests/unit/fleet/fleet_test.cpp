// SPDX-License-Identifier: MIT
// Fleets on disk, without a machine that runs.
#include <cstdlib>
#include <fstream>
#include <stop_token>
#include <system_error>
#include <thread>
#include <vector>

#include <vmfleet/fleet/fleet.hpp>
#include <vmfleet/instance/instance_directory.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

using namespace vmfleet;
using vmfleet::test::TempDir;

TEST_CASE("a fleet's machines are its directories, in natural order") {
  const TempDir temp;
  for (const char* name : {"web-10", "web-2"}) InstanceDirectory::create(temp.path(), "demo", name);
  std::ofstream(temp / "demo/notes.txt") << "not a machine";
  std::filesystem::create_directory_symlink("/", temp / "demo/link");
  const Fleet fleet(temp.path(), "demo");
  REQUIRE(fleet.select({}) == std::vector<std::string>{"web-2", "web-10"});
  REQUIRE(fleet.status().machines.size() == 2);
  REQUIRE(list_fleets(temp.path()) == std::vector<std::string>{"demo"});
}

TEST_CASE("an unknown fleet has no machines, and asking for one by name names the known fleets") {
  const TempDir temp;
  InstanceDirectory::create(temp.path(), "demo", "vm-0");
  const Fleet fleet(temp.path(), "other");
  REQUIRE(fleet.status().machines.empty());
  try {
    static_cast<void>(fleet.directory_of("vm-0"));
    FAIL("it was found");
  } catch (const Error& error) {
    REQUIRE(error.kind() == ErrorKind::not_found);
    REQUIRE(error.hint() == "the fleets are: demo");
  }
}

TEST_CASE("down removes machines that do not run, and the empty fleet with them") {
  const TempDir temp;
  InstanceDirectory::create(temp.path(), "demo", "vm-0");
  InstanceDirectory::create(temp.path(), "demo", "vm-1");
  Loop loop;
  Fleet fleet(temp.path(), "demo");
  auto report = loop.run(fleet.down({"vm-0"}));
  REQUIRE(report.machines.size() == 1);
  REQUIRE(report.failed() == 0);
  REQUIRE(fleet.select({}) == std::vector<std::string>{"vm-1"});
  loop.run(fleet.down({}));
  REQUIRE_FALSE(std::filesystem::exists(temp / "demo"));
}

TEST_CASE("down reports a directory that holds a stranger's file and goes on with the others") {
  const TempDir temp;
  InstanceDirectory::create(temp.path(), "demo", "vm-0");
  InstanceDirectory::create(temp.path(), "demo", "vm-1");
  std::ofstream(temp / "demo/vm-0/thesis.odt") << "x";
  Loop loop;
  Fleet fleet(temp.path(), "demo");
  const auto report = loop.run(fleet.down({}));
  REQUIRE(report.failed() == 1);
  REQUIRE(report.machines[0].error->kind() == ErrorKind::conflict);
  REQUIRE(std::filesystem::exists(temp / "demo/vm-0/thesis.odt"));
  REQUIRE_FALSE(std::filesystem::exists(temp / "demo/vm-1"));
}

TEST_CASE("a machine that goes and comes while it is stopped was removed by another command") {
  const TempDir temp;
  InstanceDirectory::create(temp.path(), "demo", "vm-0");
  Fleet fleet(temp / "demo/..", "demo");
  Loop loop;
  std::vector<Error> errors;
  {
    const std::jthread another([&](const std::stop_token& stop) {
      std::error_code ignored;
      while (!stop.stop_requested()) {
        std::filesystem::rename(temp / "demo/vm-0", temp / "demo/.away", ignored);
        std::filesystem::rename(temp / "demo/.away", temp / "demo/vm-0", ignored);
      }
    });
    constexpr int kFew = 20;
    constexpr int kMostStops = 200'000;
    for (int i = 0; i < kMostStops && errors.size() < kFew; ++i) {
      const auto report = loop.run(fleet.stop({}));
      for (const auto& machine : report.machines) {
        if (machine.error) errors.push_back(*machine.error);
      }
    }
  }
  REQUIRE_FALSE(errors.empty());
  for (const auto& error : errors) {
    INFO(error.message());
    REQUIRE(error.kind() == ErrorKind::conflict);
  }
}
