// SPDX-License-Identifier: MIT
// Names and links that would lead out of the state directory.
#include <fcntl.h>
#include <stdio.h>

#include <atomic>
#include <fstream>
#include <thread>

#include <vmfleet/io/files.hpp>

#include "tests/cli/program.hpp"
#include "tests/cli/stale.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

/// A folder of somebody's, whose every name is one of ours.
class Victim {
 public:
  explicit Victim(std::filesystem::path path) : path_(std::move(path)) {
    std::filesystem::create_directory(path_);
    for (const char* name : kNames) std::ofstream(path_ / name) << "mine";
  }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] bool is_whole() const {
    for (const char* name : kNames) {
      if (files::read(path_ / name) != "mine") return false;
    }
    return true;
  }

 private:
  static constexpr const char* kNames[] = {"serial.log", "events.log", "qemu.err", "alive",
                                           "pid",        "entropy",    "inject0",  "notes"};
  std::filesystem::path path_;
};

}  // namespace

TEST_CASE("no name of a fleet or machine leads out of the state directory") {
  const Stale world;
  const Victim victim(world.folder() / "victim");
  std::filesystem::create_directories(world.state() / "demo");
  for (const std::string name :
       {"..", ".", "../victim", "a/../../victim", "/etc", "", "-x", "a\nb", "\x1b[31m", "{1..2}"}) {
    INFO(name);
    CHECK(world.up({"-p", name}).code == 2);
    CHECK(world.run({"down", "-p", name}).code == 2);
    const Ran rm = world.run({"rm", "--", name});
    CHECK((rm.code == 2 || rm.code == 4));
    CHECK(rm.err.find('\x1b') == std::string::npos);
  }
  CHECK(victim.is_whole());
}

TEST_CASE("links in the place of a fleet, a machine or a file of ours are not followed") {
  const Stale world;
  const Victim victim(world.folder() / "victim");
  const std::filesystem::path here = world.state();
  SECTION("a fleet") {
    std::filesystem::create_directory(here);
    std::filesystem::create_directory_symlink(world.folder(), here / "demo");
    CHECK(world.up({"-n", "1"}).code == 5);
    CHECK(world.run({"down", "victim"}).code != 0);
  }
  SECTION("a machine") {
    std::filesystem::create_directories(here / "demo");
    std::filesystem::create_directory_symlink(victim.path(), world.machine());
    CHECK(world.up().code == 5);
    world.run({"down"});
  }
  SECTION("files of a machine that has ended") {
    REQUIRE(world.up().code == 0);
    REQUIRE(world.run({"stop", "--grace", "0s"}).code == 0);
    for (const char* name : {"serial.log", "events.log", "qemu.err", "pid", "entropy"}) {
      std::filesystem::remove(world.machine() / name);
      std::filesystem::create_symlink(victim.path() / name, world.machine() / name);
    }
    const Ran up = world.up();
    INFO(up.err);
    CHECK(up.code == 0);
    CHECK(victim.is_whole());
    CHECK(world.run({"down", "--grace", "0s"}).code == 0);
  }
  SECTION("the file that says whether it lives") {
    REQUIRE(world.up().code == 0);
    REQUIRE(world.run({"stop", "--grace", "0s"}).code == 0);
    std::filesystem::remove(world.machine() / "alive");
    std::filesystem::create_symlink(victim.path() / "alive", world.machine() / "alive");
    for (const Words& words : {Words{"start"}, Words{"down"}}) {
      const Ran ran = world.run(words);
      CHECK(ran.code == 5);
      CHECK_THAT(ran.err, ContainsSubstring((world.machine() / "alive").string()));
      CHECK_THAT(ran.err, ContainsSubstring("move it away"));
    }
  }
  CHECK(victim.is_whole());
}

TEST_CASE("whoever swaps a machine's folder for a link makes no command remove what it leads to") {
  const Stale world;
  const Victim victim(world.folder() / "victim");
  const auto link = world.folder() / "link";
  std::filesystem::create_directory_symlink(victim.path(), link);
  int commands = 0;
  for (int round = 0; round < 12; ++round) {
    REQUIRE(world.up().code == 0);
    world.lose_qemu();
    std::atomic<bool> over{false};
    std::thread swapper([&] {
      while (!over) {
        ::renameat2(AT_FDCWD, world.machine().c_str(), AT_FDCWD, link.c_str(), RENAME_EXCHANGE);
      }
    });
    for (const Words& words : {Words{"stop"}, Words{"rm", "vm-0"}, Words{"down"}}) {
      world.run(words);
      ++commands;
    }
    over = true;
    swapper.join();
    CHECK(victim.is_whole());
    // In the end one of the two places holds the link, or there is only that left.
    for (const auto& place : {world.machine(), link}) {
      if (std::filesystem::is_symlink(place)) {
        std::filesystem::remove(place);
      } else {
        std::filesystem::remove_all(place);
      }
    }
    std::filesystem::create_directory_symlink(victim.path(), link);
  }
  std::fprintf(stderr, "swapped under %d commands\n", commands);
}
