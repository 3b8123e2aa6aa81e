// SPDX-License-Identifier: MIT
#include "tests/support/catch.hpp"
#include "tests/unit/fleet/spec_text.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

FleetSpec parse_json(const std::string& text) {
  return FleetSpec::parse(text, "/fleets/demo/vmfleet.toml", SpecFormat::json);
}

Lines problems_in_json(const std::string& text) {
  return problems_of([&] { parse_json(text); });
}

}  // namespace

TEST_CASE("the same keys in JSON give the same machines") {
  const FleetSpec fleet = parse_json(R"({
  "fleet": "de\u006do",
  "defaults": {"memory": "512M"},
  "machine": {"web": {"count": 2, "image": "tiny", "paused": false,
    "append": ["a\"b\\\"", "{\"]}\""], "exit_codes": {"31": "success"},
    "net": [{"forward": ["ssh:22"]}], "ready": {"any": ["ssh", {"serial": "x"}]}}}
})");
  const FleetSpec same = parse_toml(R"(
fleet = "demo"
[defaults]
memory = "512M"
[machine.web]
count = 2
image = "tiny"
append = ['a"b\"', '{"]}"']
exit_codes = { 31 = "success" }
net = [{ forward = ["ssh:22"] }]
ready.any = ["ssh", { serial = "x" }]
)");
  REQUIRE(describe(fleet) == describe(same));
}

TEST_CASE("problems in JSON have a line and a column") {
  REQUIRE(problems_in_json("{\"machine\": {\n  \"web\": {\"image\": \"x\",\n    \"cpus\": \"2\",\n"
                           "    \"memroy\": \"1G\"}}}") ==
          Lines{"3:13: machine.web.cpus: must be an integer, and is a string",
                "4:5: machine.web.memroy: unknown key (did you mean \"memory\"?)"});
}

TEST_CASE("a mistake in JSON's syntax is reported where it is") {
  const std::vector<std::pair<const char*, const char*>> wrong = {
      {"", "1:1: expected a value"},
      {"{", "1:2: expected a key in quotes"},
      {"{\n  x: 1}", "2:3: expected a key in quotes"},
      {"{\"a\" 1}", "1:6: expected ':'"},
      {"{\"a\": }", "1:7: expected a value"},
      {"{\"a\": 1 \"b\": 2}", "1:9: expected ','"},
      {"{\"a\": [1 2]}", "1:10: expected ','"},
      {"{\"a\": tru}", "1:7: expected a value"},
      {"{\"a\": 01}", "1:7: expected a value"},
      {"{\"a\": \"x}", "1:7: expected a value"},
      {"{\"a\": \"\\q\"}", "1:7: expected a value"},
      {"{\"a\": \"\xff\"}", "1:7: expected a value"},
      {"{\"a\": 1} x", "1:10: there is more after the end"},
      {"{\"a\": 1,}", "1:9: expected a key in quotes"},
      {"{\"a\": 1, \"a\": 2}", "1:10: the key \"a\" is there twice"},
      {"[]", "1:1: must be an object"},
      {"3", "1:1: must be an object"},
  };
  for (const auto& [text, problem] : wrong) {
    INFO(text);
    REQUIRE(problems_in_json(text) == Lines{problem});
  }
}

TEST_CASE("JSON that is nested without end is refused") {
  const auto problems = problems_in_json("{\"a\":" + std::string(100'000, '['));
  REQUIRE(problems.size() == 1);
  REQUIRE_THAT(problems[0], ContainsSubstring("nested too deeply"));
}
