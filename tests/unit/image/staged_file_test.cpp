// SPDX-License-Identifier: MIT
#include <image/staged_file.hpp>

#include <sys/stat.h>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/image/samples.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

ino_t inode_of(const std::filesystem::path& path) {
  struct stat status {};
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status.st_ino;
}

}  // namespace

TEST_CASE("the temporary has the name that it was given, and goes with the object") {
  const TempDir folder;
  write_file(folder / "disk.part", "of a process that was killed");
  {
    image::StagedFile file(folder / "disk", "disk.part", 0600);
    REQUIRE(file.temporary() == folder / "disk.part");
    REQUIRE(file.size() == 0);
  }
  REQUIRE(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("a link in the place of the temporary is replaced, not followed") {
  const TempDir folder;
  write_file(folder / "precious", "contents");
  std::filesystem::create_symlink("precious", folder / "disk.part");
  image::StagedFile file(folder / "disk", "disk.part", 0600);
  file.append("new");
  file.commit();
  REQUIRE(read_whole(folder / "precious") == "contents");
  REQUIRE(read_whole(folder / "disk") == "new");
}

TEST_CASE("a file grows by a hole and never shrinks") {
  const TempDir folder;
  image::StagedFile file(folder / "disk", 0600);
  file.append("data");
  file.grow(Bytes::mebi(4));
  REQUIRE(file.size() == Bytes::mebi(4).count());
  file.grow(Bytes(1));
  REQUIRE(file.size() == Bytes::mebi(4).count());
}

TEST_CASE("a copy of a file with several names, and read-only, is writable and another file") {
  const TempDir folder;
  write_file(folder / "cached", "contents");
  std::filesystem::create_hard_link(folder / "cached", folder / "link");
  std::filesystem::permissions(folder / "cached", std::filesystem::perms::owner_read);
  stage_copy(folder / "link", folder / "copy");
  REQUIRE(inode_of(folder / "copy") != inode_of(folder / "cached"));
  write_file(folder / "copy", "written by the guest");
  REQUIRE(read_whole(folder / "cached") == "contents");
}

TEST_CASE("a copy in the place of another name of its source leaves the source alone") {
  const TempDir folder;
  write_file(folder / "source", "contents");
  std::filesystem::create_hard_link(folder / "source", folder / "copy");
  stage_copy(folder / "source", folder / "copy");
  REQUIRE(inode_of(folder / "copy") != inode_of(folder / "source"));
}

TEST_CASE("a file takes a name only when it is free") {
  const TempDir folder;
  write_file(folder / "taken", "of somebody");
  image::StagedFile file(folder / "taken", 0600);
  file.append("new");
  REQUIRE_FALSE(file.commit_as(folder / "taken"));
  REQUIRE(file.commit_as(folder / "free"));
  REQUIRE(read_whole(folder / "taken") == "of somebody");
  REQUIRE(read_whole(folder / "free") == "new");
  REQUIRE(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 2);
}
