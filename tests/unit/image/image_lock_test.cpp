// SPDX-License-Identifier: MIT
#include <image/image_lock.hpp>

#include <fcntl.h>

#include <optional>

#include <vmfleet/base/error.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/image/samples.hpp"

using namespace vmfleet;
using namespace vmfleet::test;
using image::ImageUse;

namespace {

/// As a QEMU that writes: it uses permission 1 and does not share it.
UniqueFd writer_of(const std::filesystem::path& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  for (const off_t byte : {101, 201}) {
    struct flock lock {};
    lock.l_type = F_RDLCK;
    lock.l_start = byte;
    lock.l_len = 1;
    REQUIRE(::fcntl(fd.get(), F_OFD_SETLK, &lock) == 0);
  }
  return fd;
}

}  // namespace

TEST_CASE("a writer excludes everybody, a reader the writers") {
  const TempDir folder;
  write_file(folder / "image", "x");
  std::filesystem::create_hard_link(folder / "image", folder / "link");
  REQUIRE_FALSE(image::is_excluded(folder / "image", ImageUse::write));
  {
    const image::ImageReadLock reader(folder / "image");
    REQUIRE(image::is_excluded(folder / "link", ImageUse::write));
    REQUIRE_FALSE(image::is_excluded(folder / "link", ImageUse::read));
  }
  {
    const UniqueFd writer = writer_of(folder / "image");
    REQUIRE(image::is_excluded(folder / "link", ImageUse::write));
    REQUIRE(image::is_excluded(folder / "link", ImageUse::read));
    REQUIRE_THROWS_AS(image::ImageReadLock(folder / "link"), Error);
  }
  REQUIRE_FALSE(image::is_excluded(folder / "image", ImageUse::write));
}

TEST_CASE("a file that is not there excludes nobody") {
  const TempDir folder;
  REQUIRE_FALSE(image::is_excluded(folder / "none", ImageUse::write));
  REQUIRE_NOTHROW(image::ImageReadLock(folder / "none"));
}
