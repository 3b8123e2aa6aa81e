// SPDX-License-Identifier: MIT
// find_program: names in PATH.
#include <vmfleet/base/find_program.hpp>

#include "tests/support/catch.hpp"

using namespace vmfleet;

TEST_CASE("a program's name is looked up in PATH, a path is taken as it is") {
  CHECK_THAT(*find_program("sh"), ContainsSubstring("/sh"));
  CHECK(*find_program("./no-such-program") == "./no-such-program");
  const auto missing = find_program("no-such-program");
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().kind() == ErrorKind::not_found);
  CHECK_THAT(missing.error().message(), ContainsSubstring("no-such-program"));
}
