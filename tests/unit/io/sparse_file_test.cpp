// SPDX-License-Identifier: MIT
#include "io/sparse_file.hpp"

#include <fcntl.h>

#include <vmfleet/io/files.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

using namespace vmfleet;
using vmfleet::test::TempDir;

namespace {

constexpr std::size_t kBlock = 4096;

struct Log {
  explicit Log(const std::string& text)
      : path(temp / "log"), fd(files::open(path, O_RDWR | O_CREAT | O_EXCL)) {
    files::write_all(fd.get(), text, path);
  }

  /// False where the file system frees no parts of files.
  [[nodiscard]] bool free_head(std::size_t blocks) const {
    const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    const bool freed = ::fallocate(fd.get(), mode, 0, static_cast<off_t>(blocks * kBlock)) == 0;
    if (!freed) WARN("this file system frees no parts of files");
    return freed;
  }
  [[nodiscard]] TailChunk read(std::uint64_t offset) const {
    return read_past_holes(fd.get(), offset, path);
  }

  TempDir temp;
  std::filesystem::path path;
  UniqueFd fd;
};

}  // namespace

TEST_CASE("what is there is read from where it was asked for") {
  const Log log("0123456789");
  const TailChunk chunk = log.read(4);
  REQUIRE(chunk.offset == 4);
  REQUIRE(chunk.data == "456789");
  REQUIRE_FALSE(chunk.restarted);
  REQUIRE(log.read(10).data.empty());
}

TEST_CASE("a freed part is skipped, and that it was is told") {
  const Log log(std::string(kBlock * 2, 'a') + "rest");
  if (!log.free_head(2)) return;
  const TailChunk chunk = log.read(10);
  REQUIRE(chunk.restarted);
  REQUIRE(chunk.offset == 2 * kBlock);
  REQUIRE(chunk.data == "rest");
}

TEST_CASE("of a file that was freed to its end nothing is read, and its end is known") {
  const Log log(std::string(kBlock, 'a'));
  if (!log.free_head(1)) return;
  const TailChunk chunk = log.read(0);
  REQUIRE(chunk.data.empty());
  REQUIRE(chunk.offset == kBlock);
}

TEST_CASE("zeroes that were written are read") {
  const std::string zeroes(kBlock * 2, '\0');
  const Log log(zeroes);
  REQUIRE(log.read(0).data == zeroes);
  REQUIRE_FALSE(log.read(0).restarted);
}
