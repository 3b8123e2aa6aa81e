// SPDX-License-Identifier: MIT
// Which machines are garbage, and which folders that look like one's are not.
#include <vmfleet/fleet/garbage.hpp>
#include <vmfleet/instance/intent.hpp>
#include <vmfleet/instance/locks.hpp>
#include <vmfleet/instance/record.hpp>

#include "tests/support/catch.hpp"
#include "tests/unit/fleet/garbage_world.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

TEST_CASE("a machine that ended before the host's restart goes, one of this boot stays") {
  const GarbageWorld world;
  make_machine(world.state(), "old", from_another_boot);
  make_machine(world.state(), "new");
  const GarbageReport report = world.collect();
  REQUIRE(names_of(report.removed) == Names{"old"});
  REQUIRE(report.removed[0].kind == GarbageKind::machine);
  REQUIRE(report.size().count() > 0);
  REQUIRE(report.kept.empty());
  REQUIRE_FALSE(std::filesystem::exists(world.state() / "demo/old"));
  REQUIRE(std::filesystem::exists(world.state() / "demo/new"));
  REQUIRE(world.collect().removed.empty());
}

TEST_CASE("a machine with a disk of its own stays, and how to remove it is told") {
  const GarbageWorld world;
  const auto directory = make_machine(world.state(), "old", [](Intent& intent) {
    from_another_boot(intent);
    intent.staged_files = {"disk0.qcow2"};
  });
  touch(directory.path() / "disk0.qcow2");
  const GarbageReport report = world.collect();
  REQUIRE(report.removed.empty());
  REQUIRE(report.kept.size() == 1);
  REQUIRE_THAT(report.kept[0].reason, ContainsSubstring("vmfleet rm -p demo old"));
  REQUIRE_FALSE(report.failed());
}

TEST_CASE("a machine beside whose files somebody has put others stays") {
  const GarbageWorld world;
  touch(make_machine(world.state(), "old", from_another_boot).path() / "results.txt");
  const GarbageReport report = world.collect();
  REQUIRE(report.removed.empty());
  REQUIRE(report.kept.size() == 1);
  REQUIRE_THAT(report.kept[0].reason, ContainsSubstring("files of others: results.txt"));
}

TEST_CASE("a machine whose records are damaged stays, with what its disks may be") {
  const GarbageWorld world;
  const auto directory = make_machine(world.state(), "vm", from_another_boot);
  touch(directory.file(instance_file::kIntent),
        R"({"schema":"vmfleet.intent/1","checksum":"0","body":{}})");
  touch(directory.path() / "disk0.qcow2");
  make_old(directory.path());
  const GarbageReport report = world.collect();
  REQUIRE(report.removed.empty());
  REQUIRE(names_of(report.kept) == Names{"vm"});
  REQUIRE(names_of(world.collect().kept) == Names{"vm"});
  REQUIRE(std::filesystem::exists(directory.path() / "intent.json.corrupt"));
  REQUIRE(std::filesystem::exists(directory.path() / "disk0.qcow2"));
}

TEST_CASE("what lives or is worked on is not touched") {
  const GarbageWorld world;
  const auto alive = make_machine(world.state(), "alive", from_another_boot);
  const UniqueFd life = lock_alive(alive);
  const auto locked = make_machine(world.state(), "locked", from_another_boot);
  const auto lock = OperationLock::acquire(locked);
  const GarbageReport report = world.collect();
  REQUIRE(report.removed.empty());
  REQUIRE(names_of(report.kept) == Names{"locked"});
  REQUIRE_THAT(report.kept[0].reason, ContainsSubstring("another command works on locked"));
}

TEST_CASE("an ephemeral machine goes when its owner is gone, with its disks") {
  const GarbageWorld world;
  const auto is_ephemeral = [](Intent& intent) {
    intent.ephemeral = true;
    intent.staged_files = {"disk0.qcow2"};
  };
  const auto owned = make_machine(world.state(), "owned", is_ephemeral);
  owned.hold();
  touch(make_machine(world.state(), "left", is_ephemeral).path() / "disk0.qcow2");
  REQUIRE(names_of(world.collect().removed) == Names{"left"});
}

TEST_CASE("the root that a killed owner has made for one machine goes as a whole") {
  const GarbageWorld world;
  const auto root = world.temporary("vmfleet-aBc012");
  make_machine(root, "vm", [](Intent& intent) { intent.ephemeral = true; });
  const auto just_made = world.temporary("vmfleet-xyz789");
  std::filesystem::create_directories(just_made);
  REQUIRE(names_of(world.collect().removed) == Names{"vm"});
  REQUIRE_FALSE(std::filesystem::exists(root));
  REQUIRE(std::filesystem::exists(just_made));
}

TEST_CASE("a folder in which nothing was started goes once it is old") {
  const GarbageWorld world;
  const auto bare = InstanceDirectory::create(world.state(), "demo", "bare");
  REQUIRE(world.collect().removed.empty());
  make_old(bare.path());
  REQUIRE(names_of(world.collect().removed) == Names{"bare"});
}

TEST_CASE("folders with files of others are told of and left alone") {
  const GarbageWorld world;
  std::filesystem::create_directories(world.state() / "demo/mine");
  std::filesystem::permissions(world.state() / "demo", std::filesystem::perms::owner_all);
  touch(world.state() / "demo/mine/thesis.txt");
  make_old(world.state() / "demo/mine");
  const GarbageReport report = world.collect();
  REQUIRE(report.removed.empty());
  REQUIRE(names_of(report.kept) == Names{"mine"});
  REQUIRE(std::filesystem::exists(world.state() / "demo/mine/thesis.txt"));
  REQUIRE_FALSE(std::filesystem::exists(world.state() / "demo/mine/lock"));
}

TEST_CASE("of a machine that stays go damaged records and what was not finished") {
  const GarbageWorld world;
  const auto directory = make_machine(world.state(), "vm", [](Intent& intent) {
    intent.staged_files = {"disk0.qcow2", "disk0.qcow2.part"};
  });
  for (const char* name : {"intent.json.corrupt", "state.json.corrupt", "state.json.Ab1234",
                           "disk0.qcow2", "disk0.qcow2.part", "notes.txt"}) {
    touch(directory.path() / name);
  }
  REQUIRE(names_of(world.collect().removed) ==
          Names{"disk0.qcow2.part", "intent.json.corrupt", "state.json.Ab1234"});
  REQUIRE(std::filesystem::exists(directory.path() / "state.json.corrupt"));  // not replaced
  REQUIRE(std::filesystem::exists(directory.path() / "disk0.qcow2"));
  REQUIRE(std::filesystem::exists(directory.path() / "notes.txt"));
}

TEST_CASE("a folder that is only named like a machine's own root is left alone") {
  const GarbageWorld world;
  const auto archive = world.temporary("vmfleet-master");
  for (const char* folder : {"src/empty", "src/main", "docs"}) {
    std::filesystem::create_directories(archive / folder);
  }
  touch(archive / "src/main/main.cpp");
  touch(archive / "src/main/intent.json", R"({"name":"not a record of ours"})");
  for (const char* folder : {"src/empty", "src/main", "src", "docs", ""}) {
    make_old(archive / folder);
  }
  const auto before = all_below(archive);
  for (const bool dry_run : {true, false}) {
    const GarbageReport report = world.collect(dry_run);
    REQUIRE(report.removed.empty());
    REQUIRE(report.kept.empty());
    REQUIRE(all_below(archive) == before);
  }
}

TEST_CASE("of a machine's own root go machines, and what is beside them stays") {
  const GarbageWorld world;
  const auto root = world.temporary("vmfleet-aBc012");
  make_machine(root, "vm", [](Intent& intent) { intent.ephemeral = true; });
  std::filesystem::create_directories(root / "demo/empty");
  make_old(root / "demo/empty");
  REQUIRE(names_of(world.collect().removed) == Names{"vm"});
  REQUIRE(all_below(root) == Names{(root / "demo").string(), (root / "demo/empty").string()});
}
