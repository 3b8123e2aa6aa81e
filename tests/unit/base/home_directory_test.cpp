// SPDX-License-Identifier: MIT
// home_directory: the environment first, then the user database.
#include <cstdlib>
#include <string>

#include <vmfleet/base/home_directory.hpp>

#include "tests/support/catch.hpp"

using namespace vmfleet;

namespace {

std::optional<std::filesystem::path> home_with(const char* variable) {
  const char* before = std::getenv("HOME");
  const std::optional<std::string> kept =
      before != nullptr ? std::optional<std::string>(before) : std::nullopt;
  if (variable != nullptr) {
    ::setenv("HOME", variable, 1);
  } else {
    ::unsetenv("HOME");
  }
  const auto home = home_directory();
  if (kept) {
    ::setenv("HOME", kept->c_str(), 1);
  } else {
    ::unsetenv("HOME");
  }
  return home;
}

}  // namespace

TEST_CASE("home is where HOME says") {
  CHECK(home_with("/somewhere") == std::filesystem::path("/somewhere"));
}

TEST_CASE("without HOME, or with one that is no absolute path, the user database says it") {
  const auto recorded = home_with(nullptr);
  if (recorded) CHECK(recorded->is_absolute());  // a user may be in no database
  CHECK(home_with("relative") == recorded);
  CHECK(home_with("") == recorded);
}
