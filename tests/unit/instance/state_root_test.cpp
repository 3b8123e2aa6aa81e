// SPDX-License-Identifier: MIT
#include <vmfleet/instance/state_root.hpp>

#include <sys/stat.h>

#include <fstream>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

using namespace vmfleet;
using vmfleet::test::TempDir;

namespace {

void check_refusal(const std::filesystem::path& root, void (*use)(const std::filesystem::path&)) {
  try {
    use(root);
    FAIL("was taken: " << root);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::invalid_config);
    CHECK_THAT(error.message(),
               ContainsSubstring("the state directory " + root.string() + " cannot be used"));
    CHECK_THAT(error.hint(), ContainsSubstring("--state-dir"));
  }
}

}  // namespace

TEST_CASE("a state root is made with all above it, and closed to others") {
  const TempDir temp;
  make_state_root(temp / "a/b/state");
  struct stat info {};
  REQUIRE(::stat((temp / "a/b/state").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0700);
  CHECK_NOTHROW(make_state_root(temp / "a/b/state"));
}

TEST_CASE("a state root that cannot be is refused in the same words, looked at or made") {
  const TempDir temp;
  std::ofstream(temp / "file") << "x";
  for (const auto& root : {temp / "file", temp / "file/below", temp / "file/far/below"}) {
    check_refusal(root, &require_state_root);
    check_refusal(root, &make_state_root);
  }
  check_refusal("/proc/state", &make_state_root);
}

TEST_CASE("a state root that is not there yet is fit for looking") {
  const TempDir temp;
  CHECK_NOTHROW(require_state_root(temp / "none"));
  CHECK_NOTHROW(require_state_root(temp.path()));
}
