// SPDX-License-Identifier: MIT
#include <vmfleet/image/staging.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/image/samples.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

struct stat status_of(const std::filesystem::path& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status;
}

}  // namespace

TEST_CASE("a staged copy has the contents and the mode that was asked for") {
  const TempDir folder;
  const std::string contents = fake_kernel(300'000);
  write_file(folder / "source", contents);
  stage_copy(folder / "source", folder / "copy", 0640);
  REQUIRE(read_whole(folder / "copy") == contents);
  REQUIRE((status_of(folder / "copy").st_mode & 07777) == 0640);
}

TEST_CASE("an empty file is copied too") {
  const TempDir folder;
  write_file(folder / "source", "");
  stage_copy(folder / "source", folder / "copy");
  REQUIRE(std::filesystem::file_size(folder / "copy") == 0);
}

TEST_CASE("a copy replaces what was there, and changes to it do not reach the source") {
  const TempDir folder;
  write_file(folder / "source", "new");
  write_file(folder / "copy", "old and longer");
  stage_copy(folder / "source", folder / "copy");
  REQUIRE(read_whole(folder / "copy") == "new");
  write_file(folder / "copy", "changed");
  REQUIRE(read_whole(folder / "source") == "new");
}

TEST_CASE("a copy onto itself keeps the contents") {
  const TempDir folder;
  write_file(folder / "file", "contents");
  stage_copy(folder / "file", folder / "file");
  REQUIRE(read_whole(folder / "file") == "contents");
}

TEST_CASE("holes stay holes, and data between them is kept") {
  const TempDir folder;
  constexpr off_t kSize = 64 << 20;
  {
    const int fd = ::open((folder / "sparse").c_str(), O_WRONLY | O_CREAT, 0600);
    REQUIRE(::ftruncate(fd, kSize) == 0);
    REQUIRE(::pwrite(fd, "start", 5, 0) == 5);
    REQUIRE(::pwrite(fd, "middle", 6, kSize / 2) == 6);
    ::close(fd);
  }
  stage_copy(folder / "sparse", folder / "copy");
  const struct stat status = status_of(folder / "copy");
  REQUIRE(status.st_size == kSize);
  REQUIRE(status.st_blocks * 512 <= status_of(folder / "sparse").st_blocks * 512 + (1 << 20));
  const std::string contents = read_whole(folder / "copy");
  REQUIRE(contents.substr(0, 5) == "start");
  REQUIRE(contents.substr(kSize / 2, 6) == "middle");
  REQUIRE(contents.find_last_not_of('\0') == kSize / 2 + 5);
}

TEST_CASE("what cannot be copied is an error that leaves nothing behind") {
  const TempDir folder;
  const TempDir source;
  SECTION("a missing source") {
    REQUIRE_THROWS_AS(stage_copy(source / "none", folder / "copy"), Error);
  }
  SECTION("a folder") {
    REQUIRE_THROWS_AS(stage_copy(source.path(), folder / "copy"), Error);
  }
  SECTION("a FIFO, without waiting for a writer") {
    REQUIRE(::mkfifo((source / "fifo").c_str(), 0600) == 0);
    REQUIRE_THROWS_AS(stage_copy(source / "fifo", folder / "copy"), Error);
  }
  REQUIRE(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("a target folder that is not there is named") {
  const TempDir folder;
  write_file(folder / "source", "x");
  try {
    stage_copy(folder / "source", folder / "none" / "copy");
    FAIL("no error");
  } catch (const Error& error) {
    REQUIRE(error.kind() == ErrorKind::not_found);
    REQUIRE_THAT(error.message(), ContainsSubstring("none/copy"));
  }
}
