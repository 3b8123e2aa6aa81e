// SPDX-License-Identifier: MIT
// Readiness, recorded and read back.
#include "machine/live.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;

TEST_CASE("readiness reads back as it was recorded") {
  Readiness readiness;
  readiness.serial = {"login:"};
  readiness.regex = {"^ready$"};
  readiness.ports = {"web"};
  readiness.ssh = true;
  readiness.agent = true;
  readiness.events = {"RESUME"};
  readiness.exit = true;
  readiness.any = true;
  readiness.timeout = Milliseconds(1500);
  readiness.fail = {{"Kernel panic"}};
  REQUIRE(readiness_from_json(readiness_to_json(readiness)) == readiness);
}

TEST_CASE("no failure patterns and the default ones are told apart") {
  Readiness none;
  none.fail.emplace();
  REQUIRE(readiness_from_json(readiness_to_json(none)) == none);
  REQUIRE_FALSE(readiness_from_json(readiness_to_json(Readiness())).fail.has_value());
}

TEST_CASE("a record without readiness asks for none") {
  REQUIRE(readiness_from_json(json::Value()).empty());
}

TEST_CASE("readiness that could not be recorded is refused") {
  Readiness readiness;
  readiness.serial = {"gr\xc3\xbc\xc3\x9f"};
  REQUIRE_NOTHROW(require_recordable(readiness));
  readiness.fail.emplace();
  readiness.fail->push_back("caf\xe9");
  REQUIRE_THROWS_AS(require_recordable(readiness), Error);
}
