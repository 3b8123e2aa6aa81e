// SPDX-License-Identifier: MIT
#include "machine/snapshot_record.hpp"

#include <sys/stat.h>

#include <fstream>

#include <vmfleet/base/error.hpp>
#include <vmfleet/testkit/async_test.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

struct MachineWithSnapshots {
  void add(const std::string& tag, const std::string& created) const {
    const auto folder = snapshots_of(directory.path()) / tag;
    std::filesystem::create_directories(folder);
    SnapshotRecord record;
    record.created = created;
    record.qemu.version = "7.2.22";
    record.took = Milliseconds(70);
    write_snapshot(folder, record);
  }
  [[nodiscard]] ErrorKind kind_of_reading(const std::string& tag) const {
    try {
      read_snapshot(directory.path(), tag);
    } catch (const Error& error) {
      return error.kind();
    }
    return ErrorKind::internal;
  }

  TempDir temp;
  InstanceDirectory directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
};

}  // namespace

TEST_CASE("snapshots are listed by their age, and found by their tags") {
  const MachineWithSnapshots machine;
  CHECK(list_snapshots(machine.directory.path()).empty());
  machine.add("late", "2026-02-01T00:00:00Z");
  machine.add("early", "2026-01-01T00:00:00Z");
  std::filesystem::create_directories(snapshots_of(machine.directory.path()) / ".new-abcdef");
  std::filesystem::create_directories(snapshots_of(machine.directory.path()) / "begun");
  const auto all = list_snapshots(machine.directory.path());
  REQUIRE(all.size() == 2);
  CHECK(all[0].tag == "early");
  CHECK(all[1].tag == "late");
  CHECK(all[1].took == Milliseconds(70));
  CHECK(snapshot_tags(machine.directory.path()) == std::vector<std::string>{"early", "late"});
  CHECK(read_snapshot(machine.directory.path(), "late").qemu.version == "7.2.22");
  CHECK(machine.kind_of_reading("begun") == ErrorKind::not_found);
  CHECK(machine.kind_of_reading("../vm-0") == ErrorKind::invalid_config);
}

TEST_CASE("a snapshot since which its guest has not run is found") {
  const MachineWithSnapshots machine;
  const auto path = machine.directory.path();
  Intent life;
  life.created_ms = 7;
  SnapshotRecord record;
  record.still_at = 0;
  const auto log = [&](const std::string& events) {
    std::ofstream(machine.directory.file(instance_file::kEvents)) << events;
  };
  machine.add("ran", "2026-01-01T00:00:00Z");
  machine.add("still", "2026-01-02T00:00:00Z");
  const auto folder = snapshots_of(path) / "still";
  std::filesystem::permissions(snapshots_of(path), std::filesystem::perms::owner_all);
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all);
  write_intent(InstanceDirectory::open(folder), life);
  const std::string stop = "{\"event\": \"STOP\"}\n";
  const std::string resume = "{\"event\": \"RESUME\"}\n";
  record.still_at = stop.size();
  write_snapshot(folder, record);
  log(stop);
  CHECK(find_unchanged(machine.directory, life) == "still");
  log(stop + resume);
  CHECK_FALSE(find_unchanged(machine.directory, life));
  log("");
  CHECK_FALSE(find_unchanged(machine.directory, life));
  log(stop);
  life.created_ms = 8;
  CHECK_FALSE(find_unchanged(machine.directory, life));
}

TEST_CASE("the last snapshot goes with its folder, and what kills have left") {
  const MachineWithSnapshots machine;
  machine.add("one", "2026-01-01T00:00:00Z");
  machine.add("two", "2026-01-02T00:00:00Z");
  const auto folder = snapshots_of(machine.directory.path());
  std::filesystem::create_directories(folder / ".new-abcdef" / "deep");
  testkit::run_async(remove_snapshot(machine.directory.path(), "one"));
  CHECK(snapshot_tags(machine.directory.path()) == std::vector<std::string>{"two"});
  CHECK_FALSE(std::filesystem::exists(folder / ".new-abcdef"));
  testkit::run_async(remove_snapshot(machine.directory.path(), "two"));
  CHECK_FALSE(std::filesystem::exists(folder));
  CHECK_THROWS_AS(testkit::run_async(remove_snapshot(machine.directory.path(), "two")), Error);
}
