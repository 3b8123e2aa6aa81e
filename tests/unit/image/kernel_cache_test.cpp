// SPDX-License-Identifier: MIT
#include <sys/stat.h>

#include <vmfleet/image/kernel_image.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/image/samples.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

TEST_CASE("a bzImage is unpacked once into the cache") {
  const TempDir folder;
  write_file(folder / "bzImage", pack_kernel("xz", fake_kernel()));
  const auto unpacked = unpacked_kernel(folder / "bzImage", folder / "cache");
  REQUIRE(unpacked.parent_path() == folder / "cache" / "kernels");
  REQUIRE(read_whole(unpacked) == fake_kernel());

  struct stat before {};
  struct stat after {};
  REQUIRE(::stat(unpacked.c_str(), &before) == 0);
  REQUIRE(unpacked_kernel(folder / "bzImage", folder / "cache") == unpacked);
  REQUIRE(::stat(unpacked.c_str(), &after) == 0);
  REQUIRE(before.st_ino == after.st_ino);
}

TEST_CASE("a kernel that changed is unpacked again") {
  const TempDir folder;
  write_file(folder / "bzImage", pack_kernel("xz", fake_kernel()));
  const auto first = unpacked_kernel(folder / "bzImage", folder / "cache");
  write_file(folder / "bzImage", pack_kernel("gzip", fake_kernel(30'000)));
  const auto second = unpacked_kernel(folder / "bzImage", folder / "cache");
  REQUIRE(first != second);
  REQUIRE(read_whole(second) == fake_kernel(30'000));
}

TEST_CASE("a kernel that gains nothing by unpacking is used as it is, and no cache is made") {
  const TempDir folder;
  SECTION("unpacked already") {
    write_file(folder / "kernel", fake_kernel());
  }
  SECTION("no PVH entry") {
    write_file(folder / "kernel", pack_kernel("xz", fake_kernel(20'000, false)));
  }
  SECTION("an old boot protocol") {
    write_file(folder / "kernel", make_bzimage("old", 0x0207));
  }
  REQUIRE(unpacked_kernel(folder / "kernel", folder / "cache") == folder / "kernel");
  REQUIRE_FALSE(std::filesystem::exists(folder / "cache"));
}

TEST_CASE("a damaged kernel, another file and a missing one are errors that name it") {
  const TempDir folder;
  const std::string whole = pack_kernel("xz", fake_kernel());
  ErrorKind expected = ErrorKind::not_found;
  SECTION("damaged") {
    write_file(folder / "kernel", whole.substr(0, whole.size() / 2));
    expected = ErrorKind::corrupt;
  }
  SECTION("another file") {
    write_file(folder / "kernel", "#!/bin/sh\n");
    expected = ErrorKind::invalid_config;
  }
  SECTION("missing") {}
  try {
    unpacked_kernel(folder / "kernel", folder / "cache");
    FAIL("no error");
  } catch (const Error& error) {
    REQUIRE(error.kind() == expected);
    REQUIRE_THAT(error.message(), ContainsSubstring("kernel"));
  }
  REQUIRE_FALSE(std::filesystem::exists(folder / "cache"));
}
