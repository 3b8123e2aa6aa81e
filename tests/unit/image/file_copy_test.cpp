// SPDX-License-Identifier: MIT
#include <image/file_copy.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/image/samples.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

TEST_CASE("a copy in steps of any size is equal to its source") {
  const TempDir folder;
  const std::string contents = fake_kernel(50'000);
  write_file(folder / "source", contents);
  for (const std::uint64_t step : {1'000U, 4'096U, 49'999U, 1U << 20}) {
    image::StagedFile file(folder / "copy", 0600);
    image::FileCopy copy(folder / "source", file);
    while (copy.step(Bytes(step))) {
    }
    file.commit();
    INFO(step);
    REQUIRE(read_whole(folder / "copy") == contents);
  }
}

TEST_CASE("a copy that is given up leaves nothing") {
  const TempDir source;
  const TempDir folder;
  write_file(source / "source", fake_kernel(50'000));
  {
    image::StagedFile file(folder / "copy", 0600);
    image::FileCopy copy(source / "source", file);
    copy.step(Bytes(10));
  }
  REQUIRE(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("a source that shrinks meanwhile is an error") {
  const TempDir folder;
  write_file(folder / "source", fake_kernel(50'000));
  image::StagedFile file(folder / "copy", 0600);
  image::FileCopy copy(folder / "source", file);
  if (!copy.step(Bytes(10))) return;  // this file system reflinks
  write_file(folder / "source", "short");
  // Also a hole is an answer to the question where the data goes on.
  try {
    while (copy.step(Bytes(10))) {
    }
  } catch (const Error& error) {
    REQUIRE(error.kind() == ErrorKind::unavailable);
    return;
  }
  REQUIRE(file.size() >= 5);
}
