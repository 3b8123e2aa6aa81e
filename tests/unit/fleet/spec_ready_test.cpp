// SPDX-License-Identifier: MIT
#include "tests/support/catch.hpp"
#include "tests/unit/fleet/spec_text.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

TEST_CASE("conditions that stand beside each other must all hold") {
  const Readiness ready = parse_machine(R"(
[machine.web.ready]
serial = ["login:", "ready"]
regex = "web-\\d+"
port = "ssh"
ssh = true
agent = true
event = "RTC_CHANGE"
exit = false
)")
                              .ready;
  REQUIRE(ready.serial == std::vector<std::string>{"login:", "ready"});
  REQUIRE(ready.regex == std::vector<std::string>{"web-\\d+"});
  REQUIRE(ready.ports == std::vector<std::string>{"ssh"});
  REQUIRE(ready.ssh);
  REQUIRE(ready.agent);
  REQUIRE(ready.events == std::vector<std::string>{"RTC_CHANGE"});
  REQUIRE_FALSE(ready.exit);
  REQUIRE_FALSE(ready.any);
  REQUIRE(ready.timeout == Milliseconds(120'000));
  REQUIRE_FALSE(ready.fail.has_value());
}

TEST_CASE("of the conditions in a list one is enough") {
  const Readiness ready =
      parse_machine("ready.any = [{ serial = 'a' }, 'regex=b=c', 'ssh', { port = 'ssh' }]").ready;
  REQUIRE(ready.any);
  REQUIRE(ready.serial == std::vector<std::string>{"a"});
  REQUIRE(ready.regex == std::vector<std::string>{"b=c"});
  REQUIRE(ready.ssh);
  REQUIRE(ready.ports == std::vector<std::string>{"ssh"});
}

TEST_CASE("failure texts replace the default ones, also with none at all") {
  REQUIRE(parse_machine("ready = { serial = 'x', fail = [] }").ready.fail->empty());
  REQUIRE(parse_machine("ready = { serial = 'x', fail = 'no' }").ready.fail->size() == 1);
}

TEST_CASE("a readiness that cannot be is refused") {
  for (const char* keys :
       {"ready.seril = 'x'", "ready.timeout = '0s'", "ready.serial = ''", "ready.regex = 'a('",
        "ready.port = 'web'", "ready.any = 'x'", "ready.any = ['seril=x']",
        "ready.any = [{ serial = 'a', port = 'ssh' }]", "ready.any = [3]",
        "ready = { ssh = true, any = ['agent'] }", "ready = { fail = [''] }",
        "ready.port = 'dns'\nnet = [{ forward = ['dns:53/udp'] }]",
        "ready.ssh = true\nnet = [{ forward = ['ssh:22/udp'] }]"}) {
    INFO(keys);
    REQUIRE(problems_in_machine(keys).size() == 1);
  }
  REQUIRE(problems_in_machine("paused = true\nready.ssh = true").empty());
}

TEST_CASE("a port condition names a forward, and SSH needs one") {
  REQUIRE(problems_in_machine("ready.port = 'web'")[0] ==
          "3:14: machine.web.ready.port: there is no forward \"web\" (one of: ssh)");
  REQUIRE_THAT(problems_in_machine("ready.ssh = true\nnet = [{}]")[0],
               ContainsSubstring("no forward to the guest's port 22"));
  REQUIRE(problems_in_machine("ready.ssh = true\nnet = [{ forward = ['22'] }]").empty());
}

TEST_CASE("a wait for readiness may last however long it takes") {
  const MachineSpec machine = parse_machine("ready = { serial = 'x', timeout = 'none' }");
  REQUIRE(machine.ready.timeout == Readiness::kNoTimeout);
  REQUIRE(parse_machine("ready = { serial = 'x' }").ready.timeout == Milliseconds(120'000));
}
