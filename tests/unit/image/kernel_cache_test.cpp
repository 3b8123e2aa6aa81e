// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <vmfleet/async/task_group.hpp>
#include <vmfleet/image/kernel_image.hpp>
#include <vmfleet/io/files.hpp>
#include <vmfleet/testkit/async_test.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/image/samples.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

struct KernelFolder : TempDir {
  [[nodiscard]] std::filesystem::path cache() const { return path() / "cache" / "kernels"; }
  [[nodiscard]] std::filesystem::path kernel() const { return path() / "kernel"; }
  void write(std::string_view contents) const { write_file(kernel(), contents); }
  [[nodiscard]] std::filesystem::path booted() const {
    return testkit::run_async(unpacked_kernel(kernel(), path() / "cache"));
  }
  /// The file, and when it was used.
  [[nodiscard]] static std::pair<ino_t, time_t> inode_and_use(const std::filesystem::path& file) {
    struct stat status {};
    REQUIRE(::stat(file.c_str(), &status) == 0);
    return {status.st_ino, status.st_mtim.tv_sec};
  }
};

std::string arm64_kernel() {
  return std::string(4096, 'a').replace(0x38, 4, "ARM\x64");
}

}  // namespace

TEST_CASE("a compressed kernel is unpacked into the cache, whatever compressed it") {
  for (const auto* method : {"xz", "gzip", "zstd", "bzip2", "lzma", "lz4"}) {
    CAPTURE(method);
    const KernelFolder folder;
    folder.write(pack_kernel(method, fake_kernel()));
    REQUIRE(folder.booted().parent_path() == folder.cache());
    REQUIRE(read_whole(folder.booted()) == fake_kernel());
    folder.write(compress(method, arm64_kernel()));
    REQUIRE(read_whole(folder.booted()) == arm64_kernel());
  }
}

TEST_CASE("a kernel is unpacked once, and each use is noted") {
  const KernelFolder folder;
  folder.write(pack_kernel("xz", fake_kernel()));
  const auto unpacked = folder.booted();
  const auto before = KernelFolder::inode_and_use(unpacked);
  const timespec long_ago[2] = {{1'000'000, 0}, {1'000'000, 0}};
  REQUIRE(::utimensat(AT_FDCWD, unpacked.c_str(), long_ago, 0) == 0);
  REQUIRE(folder.booted() == unpacked);
  const auto after = KernelFolder::inode_and_use(unpacked);
  REQUIRE(after.first == before.first);
  REQUIRE(after.second >= before.second);
}

TEST_CASE("many who want the same kernel at once get the one copy") {
  const KernelFolder folder;
  folder.write(pack_kernel("xz", fake_kernel(300'000)));
  std::vector<std::filesystem::path> booted(16);
  auto work = [&]() -> Task<void> {
    auto body = [&](TaskGroup& group) -> Task<void> {
      for (auto& path : booted) {
        auto one = [&folder, slot = &path]() -> Task<void> {
          *slot = co_await unpacked_kernel(folder.kernel(), folder / "cache");
        };
        group.start(one);
      }
      co_return;
    };
    co_await with_task_group(body);
  };
  testkit::run_async(work());
  for (const auto& path : booted) REQUIRE(path == booted.front());
  REQUIRE(read_whole(booted.front()) == fake_kernel(300'000));
  std::size_t entries = 0;  // the copy and the lock
  for (const auto& entry : std::filesystem::directory_iterator(folder.cache())) {
    CAPTURE(entry.path());
    ++entries;
  }
  REQUIRE(entries == 2);
}

TEST_CASE("what an unpacking that was killed has left is never booted") {
  const KernelFolder folder;
  folder.write(pack_kernel("xz", fake_kernel()));
  const auto unpacked = folder.booted();
  std::filesystem::rename(unpacked,
                          folder.cache() / ("." + unpacked.filename().string() + ".aB3dE6"));
  REQUIRE(folder.booted() == unpacked);
  REQUIRE(read_whole(unpacked) == fake_kernel());
}

TEST_CASE("a kernel that changed in place is unpacked again, also with its old times") {
  const KernelFolder folder;
  folder.write(pack_kernel("gzip", fake_kernel(20'000)));
  const auto first = folder.booted();
  struct stat status {};
  REQUIRE(::stat(folder.kernel().c_str(), &status) == 0);
  folder.write(pack_kernel("gzip", fake_kernel(20'001)));
  const timespec times[2] = {status.st_atim, status.st_mtim};
  REQUIRE(::utimensat(AT_FDCWD, folder.kernel().c_str(), times, 0) == 0);
  const auto second = folder.booted();
  REQUIRE(first != second);
  REQUIRE(read_whole(second) == fake_kernel(20'001));
}

TEST_CASE("what is not compressed is used as it is, and no cache is made") {
  const KernelFolder folder;
  SECTION("an unpacked kernel") {
    folder.write(fake_kernel());
  }
  SECTION("something else") {
    folder.write("#!/bin/sh\n");
  }
  SECTION("nothing") {
    folder.write("");
  }
  REQUIRE(folder.booted() == folder.kernel());
  REQUIRE_FALSE(std::filesystem::exists(folder / "cache"));
}

TEST_CASE("a kernel that does not boot unpacked is used as it is, and looked at once") {
  const KernelFolder folder;
  SECTION("no PVH entry") {
    folder.write(pack_kernel("xz", fake_kernel(20'000, false)));
  }
  SECTION("an old boot protocol") {
    folder.write(make_bzimage("old", 0x0207));
  }
  SECTION("a compressed file of something else") {
    folder.write(compress("gzip", "just text"));
  }
  REQUIRE(folder.booted() == folder.kernel());
  std::size_t remembered = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.cache())) {
    REQUIRE(entry.file_size() == 0);
    ++remembered;
  }
  REQUIRE(remembered == 2);  // with the lock
  REQUIRE(folder.booted() == folder.kernel());
}

TEST_CASE("a kernel that is damaged or missing, and a cache that cannot be, are errors") {
  const KernelFolder folder;
  const std::string whole = pack_kernel("xz", fake_kernel());
  ErrorKind expected = ErrorKind::not_found;
  std::string named = folder.kernel().string();
  SECTION("damaged") {
    folder.write(whole.substr(0, whole.size() / 2));
    expected = ErrorKind::corrupt;
  }
  SECTION("missing") {}
  SECTION("no cache") {
    folder.write(whole);
    write_file(folder / "cache", "a file");
    expected = ErrorKind::unavailable;
    named = (folder / "cache").string();
  }
  try {
    static_cast<void>(folder.booted());
    FAIL("no error");
  } catch (const Error& error) {
    INFO(error.what());
    CHECK(error.kind() == expected);
    CHECK_THAT(error.message(), ContainsSubstring(named));
  }
}
