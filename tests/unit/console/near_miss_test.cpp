// SPDX-License-Identifier: MIT
#include <vmfleet/console/near_miss.hpp>

#include <string>
#include <vector>

#include "tests/support/catch.hpp"

using namespace vmfleet::console;

namespace {
const std::vector<std::string> kLog{
    "[    0.000000] Linux version 6.1.0", "vmfleet: guest redy", "VMFLEET: GUEST READY",
    "Debian GNU/Linux 12 web-1 ttyS0",    "web-1 login as:",     ""};
}

TEST_CASE("the nearest line to a text is found, whatever the case") {
  const auto miss = near_miss(Pattern::literal("vmfleet: guest ready"), kLog);
  REQUIRE(miss);
  REQUIRE(miss->line == "VMFLEET: GUEST READY");
  REQUIRE(miss->edits == 0);
}

TEST_CASE("a mistyped text finds the line that was meant") {
  const auto miss = near_miss(Pattern::literal("fleet: guest raedy"), {kLog.data(), 2});
  REQUIRE(miss);
  REQUIRE(miss->line == "vmfleet: guest redy");
  REQUIRE(miss->edits == 1);
}

TEST_CASE("of an expression its longest literal part is compared") {
  const auto miss = near_miss(Pattern::regex("^[a-z]+\\d? login: *$"), kLog);
  REQUIRE(miss);
  REQUIRE(miss->line == "web-1 login as:");
}

TEST_CASE("nothing is near when nothing is similar") {
  REQUIRE_FALSE(near_miss(Pattern::literal("completely different"), kLog));
  REQUIRE_FALSE(near_miss(Pattern::literal("x"), kLog));
  REQUIRE_FALSE(near_miss(Pattern::literal("anything"), {}));
  REQUIRE_FALSE(near_miss(Pattern::regex("[0-9]+"), kLog));
}
