// SPDX-License-Identifier: MIT
#include <image/package_tree.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/image/samples.hpp"

using namespace vmfleet;
using namespace vmfleet::image;
using namespace vmfleet::test;

namespace {

bool everything(std::string_view) {
  return true;
}

}  // namespace

TEST_CASE("a package gives its name, its version and the wanted files") {
  const TempDir folder;
  write_deb(folder / "a.deb", "busybox-static", "1:1.35",
            {{"./bin/busybox", "program"}, {"./doc", "text"}});
  PackageTree tree;
  const PackageInfo info =
      tree.add_package(folder / "a.deb", [](std::string_view path) { return path != "doc"; });
  REQUIRE(info.name == "busybox-static");
  REQUIRE(info.version == "1:1.35");
  REQUIRE(tree.read("bin/busybox") == "program");
  REQUIRE(tree.read("/bin//busybox") == "program");
  REQUIRE_FALSE(tree.read("doc"));
  REQUIRE(tree.files().size() == 1);
}

TEST_CASE("links are followed inside the tree: files, folders, absolute and relative ones") {
  const TempDir folder;
  write_deb(folder / "a.deb", "libc6", "2",
            {{"./usr/lib/x86/libc.so.6.1", "library"},
             {"./usr/lib/x86/libc.so.6", "-> libc.so.6.1"},
             {"./lib", "-> usr/lib"},
             {"./lib64/ld.so", "-> /lib/x86/libc.so.6"},
             {"./up", "-> ../../../usr/lib/x86/libc.so.6.1"}});
  PackageTree tree;
  tree.add_package(folder / "a.deb", everything);
  for (const auto* path : {"usr/lib/x86/libc.so.6", "lib/x86/libc.so.6", "lib64/ld.so", "up"}) {
    CAPTURE(path);
    REQUIRE(tree.read(path) == "library");
  }
  REQUIRE_FALSE(tree.read("lib/x86/none"));
}

TEST_CASE("links in a circle end") {
  const TempDir folder;
  write_deb(folder / "a.deb", "a", "1", {{"./a", "-> b"}, {"./b", "-> a"}, {"./c", "-> c/c"}});
  PackageTree tree;
  tree.add_package(folder / "a.deb", everything);
  REQUIRE_FALSE(tree.read("a"));
  REQUIRE_FALSE(tree.read("c"));
}

TEST_CASE("a damaged package is an error that names it") {
  const TempDir folder;
  write_deb(folder / "whole.deb", "a", "1", {{"./file", fake_kernel()}});
  const std::string whole = read_whole(folder / "whole.deb");
  PackageTree tree;
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{20}, whole.size() / 2, whole.size() - 40}) {
    CAPTURE(size);
    write_file(folder / "cut.deb", whole.substr(0, size));
    try {
      tree.add_package(folder / "cut.deb", everything);
      FAIL("no error");
    } catch (const Error& error) {
      REQUIRE(error.kind() == ErrorKind::corrupt);
      REQUIRE_THAT(error.message(), ContainsSubstring("cut.deb"));
    }
  }
}

TEST_CASE("the host's files are read below its root") {
  const TempDir folder;
  write_file(folder / "bin/busybox", "program");
  const HostTree tree(folder.path());
  REQUIRE(tree.read("bin/busybox") == "program");
  REQUIRE_FALSE(tree.read("bin"));
  REQUIRE_FALSE(tree.read("bin/none"));
}
