// SPDX-License-Identifier: MIT
#include <image/tar_gz.hpp>

#include <fcntl.h>

#include <vmfleet/io/files.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

using namespace vmfleet;
using vmfleet::test::TempDir;

TEST_CASE("what was put into an archive comes out of it") {
  const TempDir folder;
  const std::string large(3 << 20, 'x');
  const UniqueFd fd = files::open(folder / "a.tar.gz", O_RDWR | O_CREAT);
  image::TarGz writer(fd.get());
  writer.add("top/empty", "");
  writer.add("top/" + std::string(200, 'n'), "long name");
  writer.add("top/large", large);
  writer.finish();
  const image::ArchiveHandle reader(::archive_read_new());
  ::archive_read_support_filter_gzip(reader.get());
  ::archive_read_support_format_tar(reader.get());
  const auto path = folder / "a.tar.gz";
  REQUIRE(::archive_read_open_filename(reader.get(), path.c_str(), 1 << 16) == ARCHIVE_OK);
  std::vector<std::string> contents;
  archive_entry* entry = nullptr;
  while (::archive_read_next_header(reader.get(), &entry) == ARCHIVE_OK) {
    CHECK(::archive_entry_perm(entry) == 0600);
    contents.push_back(image::read_rest(reader.get(), 1 << 24, "read"));
  }
  REQUIRE(contents.size() == 3);
  CHECK(contents[0].empty());
  CHECK(contents[1] == "long name");
  CHECK(contents[2] == large);
}

TEST_CASE("an archive on a full disk is an error") {
  const UniqueFd fd = files::open("/dev/full", O_WRONLY);
  image::TarGz writer(fd.get());
  const auto write = [&] {
    writer.add("large", std::string(1 << 20, 'x'));
    writer.finish();
  };
  CHECK_THROWS_AS(write(), Error);
}
