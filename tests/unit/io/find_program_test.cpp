// SPDX-License-Identifier: MIT
// find_program: names in PATH.
#include <vmfleet/base/error.hpp>
#include <vmfleet/io/find_program.hpp>

#include "tests/support/catch.hpp"

using namespace vmfleet;

TEST_CASE("a program's name is looked up in PATH, a path is taken as it is") {
  CHECK_THAT(find_program("sh"), ContainsSubstring("/sh"));
  CHECK(find_program("./no-such-program") == "./no-such-program");
  CHECK_THROWS_WITH(find_program("no-such-program"), ContainsSubstring("no-such-program"));
}
