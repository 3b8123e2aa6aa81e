// SPDX-License-Identifier: MIT
// Choosing machines by name.
#include "fleet/names.hpp"

#include <algorithm>

#include <vmfleet/base/error.hpp>

#include "tests/support/catch.hpp"

using namespace vmfleet;

TEST_CASE("names sort as people count") {
  std::vector<std::string> names{"web-10", "db", "web-2", "web-1", "web-02", "web"};
  std::sort(names.begin(), names.end(), natural_less);
  REQUIRE(names == std::vector<std::string>{"db", "web", "web-1", "web-02", "web-2", "web-10"});
}

TEST_CASE("the order is strict: nothing is before itself, and never both ways") {
  const std::vector<std::string> names{"", "a", "a1", "a01", "a1b", "a10", "b", "1", "01", "a1b2"};
  for (const auto& a : names) {
    for (const auto& b : names) {
      INFO(a << " " << b);
      REQUIRE_FALSE((natural_less(a, b) && natural_less(b, a)));
      REQUIRE((a == b) == (!natural_less(a, b) && !natural_less(b, a)));
    }
  }
}

TEST_CASE("patterns choose by glob and by range, in the fleet's order, each machine once") {
  const std::vector<std::string> names{"db", "web-0", "web-1", "web-2"};
  REQUIRE(select_names(names, {}) == names);
  REQUIRE(select_names(names, {"web-{1..2}", "web-1", "db"}) ==
          std::vector<std::string>{"db", "web-1", "web-2"});
  REQUIRE(select_names(names, {"web-*"}) == std::vector<std::string>{"web-0", "web-1", "web-2"});
}

TEST_CASE("a name that means nothing is not found, with the one that was meant") {
  try {
    select_names({"web-0", "web-1"}, {"wbe-0"});
    FAIL("it was found");
  } catch (const Error& error) {
    REQUIRE(error.kind() == ErrorKind::not_found);
    REQUIRE(error.hint() == "did you mean 'web-0'?");
  }
}
