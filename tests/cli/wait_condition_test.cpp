// SPDX-License-Identifier: MIT
#include "cli/wait_condition.hpp"

#include "tests/support/catch.hpp"

using vmfleet::cli::parse_wait_condition;
using vmfleet::cli::WaitCondition;

TEST_CASE("conditions are a word, or a word and what to look for") {
  CHECK(parse_wait_condition("ready")->kind == WaitCondition::Kind::ready);
  CHECK(parse_wait_condition("exit")->kind == WaitCondition::Kind::exit);
  CHECK(parse_wait_condition("ssh")->readiness.ssh);
  CHECK(parse_wait_condition("serial=a=b")->readiness.serial.front() == "a=b");
  CHECK(parse_wait_condition("regex=^ok$")->readiness.regex.front() == "^ok$");
  CHECK(parse_wait_condition("event=RESET")->readiness.events.front() == "RESET");
  CHECK(parse_wait_condition("port=ssh")->readiness.ports.front() == "ssh");
}

TEST_CASE("what is no condition is refused, with those that are") {
  for (const char* text : {"", "serial", "serial=", "Ready", "ready=1", "foo=bar"}) {
    const auto condition = parse_wait_condition(text);
    REQUIRE_FALSE(condition.ok());
    CHECK_THAT(condition.error().hint(), ContainsSubstring("serial=TEXT"));
  }
}
