// SPDX-License-Identifier: MIT
#include <vmfleet/image/initrd.hpp>

#include <sys/stat.h>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/image/samples.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

std::string sample() {
  InitrdWriter initrd;
  initrd.directory("root", 0700);
  initrd.file("init", "#!/bin/sh\n", 0755);
  initrd.symlink("bin/sh", "/bin/busybox");
  initrd.character_device("dev/console", 5, 1);
  return std::move(initrd).finish();
}

}  // namespace

TEST_CASE("an initrd holds files, folders, links and devices with their modes") {
  const auto entries = read_cpio(sample());
  REQUIRE(entries.at("init").mode == (S_IFREG | 0755));
  REQUIRE(entries.at("init").contents == "#!/bin/sh\n");
  REQUIRE(entries.at("root").mode == (S_IFDIR | 0700));
  REQUIRE(entries.at("bin/sh").mode == (S_IFLNK | 0777));
  REQUIRE(entries.at("bin/sh").contents == "/bin/busybox");
  REQUIRE(entries.at("dev/console").mode == (S_IFCHR | 0600));
  REQUIRE(entries.at("dev/console").major == 5);
  REQUIRE(entries.at("dev/console").minor == 1);
}

TEST_CASE("an initrd belongs to root, is dated 1970, and is the same each time") {
  for (const auto& [name, entry] : read_cpio(sample())) {
    CAPTURE(name);
    REQUIRE(entry.mtime == 0);
    REQUIRE(entry.uid == 0);
  }
  REQUIRE(sample() == sample());
}

TEST_CASE("an initrd is the newc format, each entry in one piece with its own inode") {
  const std::string bytes = sample();
  REQUIRE(bytes.substr(0, 6) == "070701");
  REQUIRE(bytes.size() % 4 == 0);
  // Equal inodes with a link count over one would be taken for hard links.
  REQUIRE(bytes.substr(6, 8) != bytes.substr(bytes.find("070701", 6) + 6, 8));
}

TEST_CASE("folders above an entry are made once, before it") {
  InitrdWriter initrd;
  initrd.file("/a/b/one", "1");
  initrd.file("a//b/./two", "2");
  const auto entries = read_cpio(std::move(initrd).finish());
  REQUIRE(entries.size() == 4);
  REQUIRE(entries.at("a/b").mode == (S_IFDIR | 0755));
  REQUIRE(entries.at("a/b/two").contents == "2");
}

TEST_CASE("file contents of every length come back") {
  InitrdWriter initrd;
  for (std::size_t size = 0; size < 9; ++size) {
    initrd.file("f" + std::to_string(size), std::string(size, 'x'));
  }
  initrd.file("nul", std::string("a\0b", 3));
  const auto entries = read_cpio(std::move(initrd).finish());
  for (std::size_t size = 0; size < 9; ++size) {
    REQUIRE(entries.at("f" + std::to_string(size)).contents.size() == size);
  }
  REQUIRE(entries.at("nul").contents == std::string("a\0b", 3));
}

TEST_CASE("paths that leave the initrd, and double entries, are refused") {
  InitrdWriter initrd;
  for (const auto* path : {"", "/", ".", "../x", "a/../../x"}) {
    CAPTURE(path);
    REQUIRE_THROWS_AS(initrd.file(path, ""), Error);
  }
  initrd.file("init", "first");
  REQUIRE_THROWS_AS(initrd.file("/init", "second"), Error);
  REQUIRE(read_cpio(std::move(initrd).finish()).at("init").contents == "first");
}

TEST_CASE("an initrd that is given up leaves nothing to clean") {
  InitrdWriter initrd;
  initrd.file("init", "never finished");
}

TEST_CASE("an appended archive comes after the initrd at a multiple of four, and wins") {
  const TempDir folder;
  InitrdWriter extra;
  extra.file("init", "new");
  extra.file("etc/vmfleet/authorized_keys", "ssh-ed25519 AAAA");
  const std::string addition = std::move(extra).finish();
  for (const auto* padding : {"", "1", "22", "333"}) {
    const std::string base = sample() + padding;
    write_file(folder / "base", base);
    append_initrd(folder / "base", addition, folder / "out");
    const std::string joined = read_whole(folder / "out");
    REQUIRE(joined.substr(0, base.size()) == base);
    REQUIRE((joined.size() - addition.size()) % 4 == 0);
    const auto entries = read_cpio(joined);
    REQUIRE(entries.at("init").contents == "new");
    REQUIRE(entries.at("dev/console").major == 5);
    REQUIRE(entries.at("etc/vmfleet/authorized_keys").contents == "ssh-ed25519 AAAA");
    REQUIRE(read_whole(folder / "base") == base);
  }
}

TEST_CASE("appending to an initrd that is not there leaves nothing behind") {
  const TempDir folder;
  REQUIRE_THROWS_AS(append_initrd(folder / "base", "x", folder / "out"), Error);
  REQUIRE(std::filesystem::is_empty(folder.path()));
}
