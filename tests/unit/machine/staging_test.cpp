// SPDX-License-Identifier: MIT
#include "machine/staging.hpp"

#include <fstream>
#include <sstream>

#include <vmfleet/base/error.hpp>
#include <vmfleet/testkit/async_test.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

using namespace vmfleet;
using vmfleet::test::TempDir;

namespace {

/// A machine with one raw copy: nothing here needs another program.
struct Place {
  Place() : directory(InstanceDirectory::create(temp.path(), "demo", "vm-0")) {
    write(temp / "source", std::string(1 << 20, 's'));
    config.disks.emplace_back((temp / "source").string());
    config.disks[0].mode = DiskMode::copy;
  }

  static void write(const std::filesystem::path& path, const std::string& text) {
    std::ofstream(path) << text;
  }
  [[nodiscard]] std::string staged() const {
    std::ostringstream text;
    text << std::ifstream(copy).rdbuf();
    return text.str();
  }
  void stage(bool remake = false) {
    auto warn = [this](std::string_view text) { warnings.emplace_back(text); };
    testkit::run_async(carry_out(plan_staging(config, directory, remake), directory, config, warn));
  }
  [[nodiscard]] std::size_t files() const {
    const std::filesystem::directory_iterator entries(directory.path());
    return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
  }

  TempDir temp;
  InstanceDirectory directory;
  std::filesystem::path copy = directory.path() / "disk0.raw";
  MachineConfig config;
  std::vector<std::string> warnings;
};

}  // namespace

TEST_CASE("a copy is made once, and keeps what is written to it") {
  Place place;
  place.stage();
  REQUIRE(place.staged() == std::string(1 << 20, 's'));
  Place::write(place.copy, "written by the guest");
  place.stage();
  REQUIRE(place.staged() == "written by the guest");
  REQUIRE(place.files() == 2);  // the disk and the record
}

TEST_CASE("a changed source or request gives another disk when it may") {
  Place place;
  place.stage();
  Place::write(place.temp / "source", "new source");
  REQUIRE_THROWS_AS(place.stage(), Error);
  REQUIRE(place.staged() == std::string(1 << 20, 's'));
  place.stage(true);
  REQUIRE(place.staged() == "new source");
  place.config.disks[0].size = Bytes(4096);
  REQUIRE_THROWS_AS(place.stage(), Error);
  place.stage(true);
  REQUIRE(place.staged().size() == 4096);
  REQUIRE(place.warnings.empty());
}

TEST_CASE("a source larger than the size that was asked for gives a tenth more, and a warning") {
  Place place;
  place.config.disks[0].size = Bytes(4096);
  place.stage();
  REQUIRE(place.staged().size() == ((1 << 20) * 11 / 10 + 511) / 512 * 512);
  REQUIRE(place.warnings.size() == 1);
  REQUIRE_THAT(place.warnings[0], ContainsSubstring("has 1M already, more than the 4K"));
}

TEST_CASE("a source that nobody may write gives a writable copy that others cannot read") {
  Place place;
  std::filesystem::permissions(place.temp / "source", std::filesystem::perms::owner_read);
  place.stage();
  REQUIRE(std::filesystem::status(place.copy).permissions() ==
          (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
}

TEST_CASE("a disk that cannot be put in its place is an error that leaves no unfinished file") {
  Place place;
  auto plan = plan_staging(place.config, place.directory, false);
  std::filesystem::create_directory(place.copy);
  Place::write(place.copy / "in the way", "");
  auto work = carry_out(std::move(plan), place.directory, place.config, {});
  REQUIRE_THROWS_AS(testkit::run_async(std::move(work)), Error);
  REQUIRE(std::filesystem::is_directory(place.copy));
  REQUIRE_FALSE(std::filesystem::exists(place.directory.path() / "disk0.raw.part"));
}

TEST_CASE("what a killed process left of a copy is not used") {
  Place place;
  Place::write(place.directory.path() / "disk0.raw.part", "half");
  place.stage();
  REQUIRE(place.staged() == std::string(1 << 20, 's'));
  REQUIRE(place.files() == 2);
}

TEST_CASE("a disk without a place is removed when it may be") {
  Place place;
  place.stage();
  place.config.disks.clear();
  place.stage(true);
  REQUIRE(place.files() == 1);
  place.stage();
}

TEST_CASE("a tool runs once for each disk that is made") {
  Place place;
  Injection& tool = place.config.injections.emplace_back();
  tool.via = InjectionWay::tool;
  tool.command = {"sh", "-c", "printf '%s' tool | dd of=\"$1\" conv=notrunc status=none", "-",
                  "{disk:disk0}"};
  place.stage();
  REQUIRE(place.staged().substr(0, 6) == "toolss");
  Place::write(place.copy, "written by the guest");
  place.stage();
  REQUIRE(place.staged() == "written by the guest");
  place.stage(true);
  REQUIRE(place.staged() == "written by the guest");
  tool.command[2] += "; :";
  place.stage(true);
  REQUIRE(place.staged().substr(0, 6) == "toolss");
}

TEST_CASE("a tool that fails leaves no disk, and a disk that it was to replace") {
  Place place;
  place.stage();
  Injection& tool = place.config.injections.emplace_back();
  tool.via = InjectionWay::tool;
  tool.command = {"sh", "-c", "echo half > \"$1\"; exit 1", "-", "{disk:disk0}"};
  REQUIRE_THROWS_AS(place.stage(true), Error);
  REQUIRE(place.staged() == std::string(1 << 20, 's'));
  std::filesystem::remove(place.copy);
  REQUIRE_THROWS_AS(place.stage(), Error);
  REQUIRE(place.files() == 1);  // the record
}
