// SPDX-License-Identifier: MIT
#include "machine/staged_record.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>

#include <vmfleet/base/error.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

using namespace vmfleet;
using vmfleet::test::TempDir;

TEST_CASE("the record of staged disks comes back as it was written") {
  const TempDir temp;
  const auto directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
  REQUIRE(read_staged(directory).empty());
  Disk disk("/images/we\"ird,\n.img");
  disk.mode = DiskMode::copy;
  disk.size = Bytes::gibi(4);
  FileStamp stamp;
  stamp.size = 17;
  stamp.changed_ns = 1'700'000'000'123'456'789;
  stamp.inode = ~std::uint64_t{0};
  StagedRecord record;
  record["disk0.raw"] = DiskOrigin(disk, stamp);
  record["disk1.qcow2"] = DiskOrigin(Disk("/b"), FileStamp());
  record["disk1.qcow2"].base = "disk1.qcow2.0123";
  write_staged(directory, record);
  const StagedRecord read = read_staged(directory);
  REQUIRE(read.size() == 2);
  const DiskOrigin& origin = read.at("disk0.raw");
  REQUIRE(origin.same_request(record["disk0.raw"]));
  REQUIRE(origin.source == stamp);
  REQUIRE_FALSE(origin.same_request(read.at("disk1.qcow2")));
  REQUIRE(origin.base.empty());
  REQUIRE(read.at("disk1.qcow2").base == "disk1.qcow2.0123");
  const auto names = read_staged_names(directory);
  REQUIRE(std::count(names.begin(), names.end(), "disk1.qcow2.0123") == 1);
}

TEST_CASE("every part of the request counts") {
  const Disk disk("/a");
  const DiskOrigin origin(disk, FileStamp());
  REQUIRE(origin.same_request(DiskOrigin(disk, FileStamp())));
  Disk other = disk;
  other.file = "/b";
  REQUIRE_FALSE(origin.same_request(DiskOrigin(other, FileStamp())));
  other = disk;
  other.mode = DiskMode::copy;
  REQUIRE_FALSE(origin.same_request(DiskOrigin(other, FileStamp())));
  other = disk;
  other.format = DiskFormat::qcow2;
  REQUIRE_FALSE(origin.same_request(DiskOrigin(other, FileStamp())));
  other = disk;
  other.size = Bytes(1);
  REQUIRE_FALSE(origin.same_request(DiskOrigin(other, FileStamp())));
  other = disk;
  other.cache = DiskCache::none;  // how it is used, not what it is
  REQUIRE(origin.same_request(DiskOrigin(other, FileStamp())));
}

TEST_CASE("a file has another stamp when it was written, touched or replaced") {
  const TempDir temp;
  const auto path = temp / "image";
  std::ofstream(path) << "one";
  const FileStamp before = FileStamp::of(path);
  REQUIRE(FileStamp::of(path) == before);
  SECTION("written, with its old size") {
    std::ofstream(path) << "two";
    const timespec later[2] = {{0, UTIME_OMIT}, {2'000'000'000, 5}};
    REQUIRE(::utimensat(AT_FDCWD, path.c_str(), later, 0) == 0);
    REQUIRE_FALSE(FileStamp::of(path) == before);
  }
  SECTION("replaced, with its old time") {
    std::ofstream(temp / "new") << "two";
    const auto time = std::filesystem::last_write_time(path);
    std::filesystem::rename(temp / "new", path);
    std::filesystem::last_write_time(path, time);
    REQUIRE_FALSE(FileStamp::of(path) == before);
  }
  REQUIRE_THROWS_AS(FileStamp::of(temp / "none"), Error);
}
