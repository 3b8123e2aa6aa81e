// SPDX-License-Identifier: MIT
#include <image/libraries.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/image/samples.hpp"

using namespace vmfleet;
using namespace vmfleet::image;
using namespace vmfleet::test;

namespace {

std::vector<std::string> paths(const Libraries& libraries) {
  std::vector<std::string> result;
  for (const auto& [path, contents] : libraries) result.push_back(path);
  return result;
}

}  // namespace

TEST_CASE("libraries of libraries are found, each once, with the dynamic linker") {
  const TempDir root;
  write_file(root / "usr/sbin/sshd", make_program({"liba.so.1", "libc.so.6"}, "/lib64/ld.so.2"));
  write_file(root / "usr/lib/x86_64-linux-gnu/liba.so.1", make_program({"libb.so.2"}, ""));
  write_file(root / "lib/x86_64-linux-gnu/libb.so.2", make_program({"libc.so.6"}, ""));
  write_file(root / "lib/x86_64-linux-gnu/libc.so.6", make_program({}, "/lib64/ld.so.2"));
  write_file(root / "lib64/ld.so.2", make_program({}, ""));
  write_file(root / "lib/x86_64-linux-gnu/libunused.so", make_program({}, ""));
  const auto found = find_libraries(HostTree(root.path()), {"usr/sbin/sshd"}, "x86_64-linux-gnu");
  REQUIRE(paths(found) == std::vector<std::string>{
                              "lib/x86_64-linux-gnu/libb.so.2", "lib/x86_64-linux-gnu/libc.so.6",
                              "lib64/ld.so.2", "usr/lib/x86_64-linux-gnu/liba.so.1"});
}

TEST_CASE("the dynamic linker of a merged system is put where programs look for it") {
  const TempDir root;
  write_file(root / "usr/sbin/sshd", make_program({}, "/lib64/ld.so.2"));
  write_file(root / "usr/lib64/ld.so.2", make_program({}, ""));
  const auto found = find_libraries(HostTree(root.path()), {"usr/sbin/sshd"}, "x86_64-linux-gnu");
  REQUIRE(paths(found) == std::vector<std::string>{"lib64/ld.so.2"});
}

TEST_CASE("a library that is missing is named with who needs it") {
  const TempDir root;
  write_file(root / "bin/tool", make_program({"libgone.so.3"}, ""));
  try {
    find_libraries(HostTree(root.path()), {"bin/tool"}, "x86_64-linux-gnu");
    FAIL("no error");
  } catch (const Error& error) {
    REQUIRE(error.kind() == ErrorKind::not_found);
    REQUIRE_THAT(error.message(), ContainsSubstring("libgone.so.3"));
    REQUIRE_THAT(error.message(), ContainsSubstring("bin/tool"));
  }
}

TEST_CASE("libraries that need each other are no endless walk") {
  const TempDir root;
  write_file(root / "bin/tool", make_program({"liba.so"}, ""));
  write_file(root / "lib/liba.so", make_program({"libb.so"}, ""));
  write_file(root / "lib/libb.so", make_program({"liba.so"}, ""));
  REQUIRE(find_libraries(HostTree(root.path()), {"bin/tool"}, "none").size() == 2);
}
