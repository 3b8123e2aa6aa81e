// SPDX-License-Identifier: MIT
// Which disks are kept, made, refused or removed.
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
    REQUIRE_THAT(error.what(), ContainsSubstring("the configuration of disk"));
    REQUIRE_THAT(error.what(), ContainsSubstring("grown to 1M"));
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
    REQUIRE_THAT(error.what(), ContainsSubstring("changed since disk"));
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
