// SPDX-License-Identifier: MIT
// Which disks are kept, made, refused or removed.
#include <algorithm>
#include <fstream>

#include <vmfleet/base/error.hpp>
#include <vmfleet/machine/machine.hpp>

#include "machine/staging.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

using namespace vmfleet;
using vmfleet::test::TempDir;

namespace {

struct Place {
  Place() : directory(InstanceDirectory::create(temp.path(), "demo", "vm-0")) {
    std::ofstream(temp / "source") << "contents";
    config.disks.emplace_back((temp / "source").string());
  }

  [[nodiscard]] Disk& disk() { return config.disks.at(0); }
  [[nodiscard]] StagingPlan plan(bool remake = false) const {
    return plan_staging(config, directory, remake);
  }
  /// As if the plan had been carried out.
  void stage() const {
    StagingPlan plan = this->plan();
    for (const auto& item : plan.to_make) {
      std::ofstream(directory.path() / item.name) << "made";
      plan.record[item.name] = item.origin;
    }
    write_staged(directory, plan.record);
  }
  [[nodiscard]] Error refusal() const {
    try {
      const StagingPlan ignored = plan();
    } catch (const Error& error) {
      return error;
    }
    return Error(ErrorKind::internal, "it was not refused");
  }
  void touch_source() const { std::ofstream(temp / "source") << "other contents"; }

  TempDir temp;
  InstanceDirectory directory;
  MachineConfig config;
};

using Names = std::vector<std::string>;

void make_saved_disks(const MachineTemplate& original) {
  std::filesystem::create_directory(original.directory);
  for (const char* name : {"disk0.qcow2", "disk1.raw"}) {
    std::ofstream(original.directory / name) << "saved";
  }
}

}  // namespace

TEST_CASE("the names of all files are known before the first of them exists") {
  Place place;
  place.config.disks.resize(4, place.disk());
  place.config.disks[1].mode = DiskMode::copy;
  place.config.disks[2].mode = DiskMode::read_only;
  place.config.disks[3].mode = DiskMode::snapshot;
  REQUIRE(place.plan().names == Names{"disk0.qcow2", "disk0.qcow2.part", "disk1.raw",
                                      "disk1.raw.part", "disk3.qcow2", "disk3.qcow2.part"});
  REQUIRE(place.plan().to_make.size() == 3);
}

TEST_CASE("a copy or overlay that fits is kept, a snapshot is made anew") {
  Place place;
  place.config.disks.resize(3, place.disk());
  place.config.disks[1].mode = DiskMode::copy;
  place.config.disks[2].mode = DiskMode::snapshot;
  place.stage();
  const StagingPlan plan = place.plan();
  REQUIRE(plan.to_make.size() == 1);
  REQUIRE(plan.to_make[0].name == "disk2.qcow2");
  REQUIRE(plan.record.size() == 2);
}

TEST_CASE("whether disks fit is known without touching them") {
  Place place;
  place.config.disks.resize(2, place.disk());
  place.config.disks[1].mode = DiskMode::snapshot;
  const auto fit = [&] { return disks_fit(place.config, place.directory.path()); };
  REQUIRE_FALSE(fit());
  place.stage();
  REQUIRE(fit());
  place.config.disks[1].mode = DiskMode::read_only;
  REQUIRE_FALSE(fit());
  place.config.disks[1].mode = DiskMode::snapshot;
  place.disk().size = Bytes::mebi(1);
  REQUIRE_FALSE(fit());
  place.disk().size = Bytes();
  place.touch_source();
  REQUIRE_FALSE(fit());
}

TEST_CASE("a disk that is missing is made, whatever the record says") {
  Place place;
  place.stage();
  std::filesystem::remove(place.directory.path() / "disk0.qcow2");
  REQUIRE(place.plan().to_make.size() == 1);
}

TEST_CASE("a changed request is refused, and obeyed when what was written may be lost") {
  for (const DiskMode mode : {DiskMode::overlay, DiskMode::copy}) {
    Place place;
    place.disk().mode = mode;
    place.stage();
    place.disk().size = Bytes::mebi(1);
    const Error error = place.refusal();
    REQUIRE(error.kind() == ErrorKind::conflict);
    REQUIRE_THAT(error.message(), ContainsSubstring("the configuration of disk"));
    REQUIRE_THAT(error.message(), ContainsSubstring("grown to 1M"));
    REQUIRE_THAT(error.hint(), ContainsSubstring("--recreate"));
    REQUIRE(place.plan(true).to_make.size() == 1);
  }
}

TEST_CASE("a changed source is refused, and obeyed when what was written may be lost") {
  for (const DiskMode mode : {DiskMode::overlay, DiskMode::copy}) {
    Place place;
    place.disk().mode = mode;
    place.stage();
    place.touch_source();
    const Error error = place.refusal();
    REQUIRE(error.kind() == ErrorKind::conflict);
    REQUIRE_THAT(error.message(), ContainsSubstring("changed since disk"));
    REQUIRE_THAT(error.hint(), ContainsSubstring("--recreate"));
    REQUIRE(place.plan(true).to_make.size() == 1);
  }
}

TEST_CASE("a snapshot has nothing to lose") {
  Place place;
  place.disk().mode = DiskMode::snapshot;
  place.stage();
  place.touch_source();
  place.disk().mode = DiskMode::overlay;
  REQUIRE(place.plan().to_make.size() == 1);
}

TEST_CASE("an overlay does not become a snapshot unasked") {
  Place place;
  place.stage();
  place.disk().mode = DiskMode::snapshot;
  REQUIRE(place.refusal().kind() == ErrorKind::conflict);
}

TEST_CASE("a disk of unknown origin is not used") {
  Place place;
  std::ofstream(place.directory.path() / "disk0.qcow2") << "of whatever";
  REQUIRE_THAT(place.refusal().what(), ContainsSubstring("not known"));
  REQUIRE(place.plan(true).to_make.size() == 1);
}

TEST_CASE("a link in the place of a disk is neither used nor replaced") {
  Place place;
  std::filesystem::create_symlink(place.temp / "source", place.directory.path() / "disk0.qcow2");
  REQUIRE(place.refusal().kind() == ErrorKind::conflict);
  std::filesystem::remove(place.directory.path() / "disk0.qcow2");
  std::filesystem::create_hard_link(place.temp / "source", place.directory.path() / "disk0.qcow2");
  REQUIRE(place.refusal().kind() == ErrorKind::conflict);
}

TEST_CASE("a disk that the configuration has no place for is kept until it may be lost") {
  Place place;
  place.stage();
  place.disk().mode = DiskMode::read_only;
  REQUIRE_THAT(place.refusal().what(), ContainsSubstring("no place any more"));
  const StagingPlan plan = place.plan(true);
  REQUIRE(plan.to_make.empty());
  REQUIRE(plan.to_remove == Names{"disk0.qcow2"});
  REQUIRE(plan.names == Names{"disk0.qcow2", "disk0.qcow2.part"});
}

namespace {

/// A source with other bytes, the same size, inode and time.
void change_unseen(const std::filesystem::path& path) {
  const auto time = std::filesystem::last_write_time(path);
  std::ofstream(path, std::ios::in | std::ios::out) << "CONTENTS";
  std::filesystem::last_write_time(path, time);
}

Injection tool(std::vector<std::string> command) {
  Injection made;
  made.via = InjectionWay::tool;
  made.command = std::move(command);
  return made;
}

}  // namespace

TEST_CASE("a source that changed behind its time is found out by its content") {
  for (const bool known : {false, true}) {
    Place place;
    place.stage();
    const auto verify = [&] {
      return plan_staging(place.config, place.directory, false, SourceCheck::content);
    };
    if (known) {
      const StagingPlan learnt = verify();
      REQUIRE(learnt.to_make.empty());
      REQUIRE(learnt.learnt);
      write_staged(place.directory, learnt.record);
      REQUIRE_FALSE(verify().learnt);
    }
    change_unseen(place.temp / "source");
    REQUIRE(place.plan().to_make.empty());
    REQUIRE(disks_fit(place.config, place.directory.path()));
    REQUIRE_FALSE(disks_fit(place.config, place.directory.path(), true));
    REQUIRE_THROWS_AS(verify(), Error);
    REQUIRE(
        plan_staging(place.config, place.directory, true, SourceCheck::content).to_make.size() ==
        1);
  }
}

TEST_CASE("what is known of a content survives a plan that does not ask for it") {
  Place place;
  place.stage();
  write_staged(place.directory,
               plan_staging(place.config, place.directory, false, SourceCheck::content).record);
  const std::string known = read_staged(place.directory).at("disk0.qcow2").content;
  REQUIRE(known.size() == 16);
  REQUIRE(place.plan().record.at("disk0.qcow2").content == known);
}

TEST_CASE("a tool is part of what its disk was made of") {
  Place place;
  place.config.disks.resize(2, place.disk());
  place.config.injections = {tool({"put", "{disk:disk0}", "{source}"})};
  Injection& put = place.config.injections[0];
  put.text = "one";
  const StagingPlan fresh = place.plan();
  REQUIRE(fresh.to_make.at(0).tools == std::vector<std::size_t>{0});
  REQUIRE(fresh.to_make.at(1).tools.empty());
  place.stage();
  REQUIRE(place.plan().to_make.empty());
  SECTION("another command") {
    put.command[0] = "post";
  }
  SECTION("another text") {
    put.text = "two";
  }
  SECTION("another place") {
    put.path = "/x";
  }
  SECTION("a source instead, which changes later") {
    put.text.reset();
    put.source = (place.temp / "put").string();
    std::ofstream(put.source) << "one";
  }
  SECTION("no tool any more") {
    place.config.injections.clear();
  }
  const Error error = place.refusal();
  REQUIRE(error.kind() == ErrorKind::conflict);
  REQUIRE_THAT(error.message(), ContainsSubstring("what tools do to disk disk0.qcow2 changed"));
  REQUIRE_FALSE(disks_fit(place.config, place.directory.path()));
  REQUIRE(place.plan(true).to_make.size() == 1);
}

TEST_CASE("a clone's disks are on those of its template, which no later one is made from") {
  Place place;
  place.config.disks.resize(2, place.disk());
  place.config.disks[1].mode = DiskMode::copy;
  MachineTemplate original;
  original.key = "0123";
  original.directory = place.temp / "template";
  make_saved_disks(original);
  StagingPlan plan = place.plan();
  stage_saved(plan, original);
  REQUIRE(plan.to_make.size() == 2);
  CHECK(plan.to_make[0].saved == original.directory / "disk0.qcow2");
  const std::string base = plan.to_make[0].origin.base;
  CHECK_THAT(base, ContainsSubstring("disk0.qcow2."));
  CHECK(plan.to_make[1].saved == original.directory / "disk1.raw");
  CHECK(plan.to_make[1].origin.base.empty());
  CHECK(std::count(plan.names.begin(), plan.names.end(), base) == 1);
  for (const auto& item : plan.to_make) {
    std::ofstream(place.directory.path() / item.name) << "made";
    plan.record[item.name] = item.origin;
  }
  write_staged(place.directory, plan.record);

  CHECK(keeps_disks(place.config, place.directory.path()));
  StagingPlan again = place.plan();
  CHECK(again.to_make.empty());
  CHECK(again.old_bases.empty());
  CHECK(std::count(again.names.begin(), again.names.end(), base) == 1);
  CHECK_THROWS_AS(stage_saved(again, original), Error);
  // To look at the content loses nothing of what is known.
  const StagingPlan verified =
      plan_staging(place.config, place.directory, false, SourceCheck::content);
  CHECK(verified.record.at("disk0.qcow2").base == base);

  place.touch_source();
  const StagingPlan anew = place.plan(true);
  CHECK(anew.old_bases == Names{base});
  CHECK_FALSE(keeps_disks(place.config, place.directory.path(), true));
}

TEST_CASE("of two templates of one key each has files of its own") {
  Place place;
  MachineTemplate original;
  original.key = "0123";
  original.directory = place.temp / "template";
  make_saved_disks(original);
  const auto base = [&] {
    StagingPlan plan = place.plan();
    stage_saved(plan, original);
    return plan.to_make.at(0).origin.base;
  };
  const std::string first = base();
  CHECK(base() == first);
  std::filesystem::rename(original.directory, place.temp / "old");
  make_saved_disks(original);
  CHECK(base() != first);
}

TEST_CASE("no tool works on a clone's disk, which its guest has mounted") {
  Place place;
  place.config.injections = {tool({"put", "{disk:disk0}"})};
  MachineTemplate original;
  original.directory = place.temp / "template";
  make_saved_disks(original);
  StagingPlan plan = place.plan();
  REQUIRE(plan.to_make.at(0).tools.size() == 1);
  stage_saved(plan, original);
  CHECK(plan.to_make.at(0).tools.empty());
  CHECK_FALSE(plan.to_make.at(0).origin.tools.empty());  // when it is booted it fits
}
