// SPDX-License-Identifier: MIT
#include "tests/support/catch.hpp"
#include "tests/unit/fleet/spec_text.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

TEST_CASE("placeholders with a value are replaced, everything else stays") {
  Placeholders values;
  values.name = "web-1";
  values.index = "1";
  values.ports["ssh"] = 2222;
  REQUIRE(expand("{name}/{index}:{port:ssh}", values) == "web-1/1:2222");
  REQUIRE(expand("{fleet} {dir} {port:web} {other}", values) == "{fleet} {dir} {port:web} {other}");
  REQUIRE(expand("a{3} {\"x\": 1} { {name} {", values) == "a{3} {\"x\": 1} { web-1 {");
  REQUIRE(expand("{{name}}", values) == "{web-1}");
  REQUIRE(expand("${name} $ {name}", values) == "${name} $ web-1");
  REQUIRE(expand("", values).empty());
}

TEST_CASE("a value is not expanded again") {
  Placeholders values;
  values.name = "{index}";
  values.index = "x";
  REQUIRE(expand("{name}", values) == "{index}");
}

TEST_CASE("every string of a machine may speak of the machine") {
  SpecOptions options;
  options.state_root = "/state";
  const FleetSpec fleet = parse_toml(R"(
fleet = "demo"
[machine.web]
count = 2
kernel = "k-{index}"
append = ["host={name}", "fleet={fleet}", "log={dir}/x"]
labels = { at = "{name}" }
[[machine.web.net]]
forward = ["web:808{index}:80"]
[machine.web.ready]
regex = "{name} a{2}"
)",
                                     options);
  const MachineSpec& machine = fleet.machines.at(1);
  REQUIRE(machine.config.kernel == "/fleets/demo/k-1");
  REQUIRE(machine.config.append ==
          std::vector<std::string>{"host=web-1", "fleet=demo", "log=/state/demo/web-1/x"});
  REQUIRE(machine.labels.at("at") == "web-1");
  REQUIRE(machine.config.nets.at(0).forwards.at(0).host_port == 8081);
  REQUIRE(machine.ready.regex.at(0) == "web-1 a{2}");
}

TEST_CASE("a fixed host port is known, a free one is not") {
  const std::string net = "net = [{ forward = ['ssh:22', 'web:8080:80'] }]\n";
  REQUIRE(parse_machine(net + "append = ['port={port:web}']").config.append ==
          std::vector<std::string>{"port=8080"});
  REQUIRE(parse_machine(net + "append = ['port={port:ssh}']").config.append ==
          std::vector<std::string>{"port={port:ssh}"});  // the launch knows it
  const auto problems = problems_in_machine(net + "labels = { at = '{port:ssh}' }");
  REQUIRE(problems == Lines{"4:17: machine.web.labels.at: {port:ssh} is not known before the "
                            "launch (give that forward a fixed host port)"});
}

TEST_CASE("where the launch puts ports in is decided by the key of the machine alone") {
  const std::string net = "net = [{ forward = ['ssh:22'] }]\n";
  REQUIRE(problems_in_machine(net + "labels = { append = '{port:ssh}' }").size() == 1);
  REQUIRE(problems_in_machine(net + "ready = { serial = 'port {port:ssh}' }").empty());
  // A class has the name of a key.
  const std::string ready = "[machine.ready]\nimage = 'tiny'\n" + net;
  REQUIRE(problems_in(ready + "labels = { at = '{port:ssh}' }").size() == 1);
  REQUIRE(problems_in(ready + "append = '{port:ssh}'").empty());
}

TEST_CASE("an unknown placeholder is an error where it stands") {
  REQUIRE(
      problems_in_machine("append = ['a', 'host={nmae}']\nlabels = { x = '{port:web}' }") ==
      Lines{"3:16: machine.web.append[1]: unknown placeholder {nmae} (known are {name}, "
            "{index}, {fleet}, {dir} and {port:FORWARD}; a shell's ${variable} stays as it is)",
            "4:16: machine.web.labels.x: {port:web}: there is no forward \"web\" (one of: ssh)"});
}

TEST_CASE("braces of other languages are no placeholders") {
  for (const char* text :
       {"a{2,3}", "\\\\p{greek}", "{\\\"a\\\": 1}", "${variable}", "{{ jinja }}", "{}"}) {
    INFO(text);
    REQUIRE(problems_in_machine(std::string("labels = { x = \"") + text + "\" }").empty());
  }
}

TEST_CASE("a path in the instance directory is not a relative one") {
  REQUIRE(parse_toml("[machine.a]\nkernel='{dir}/k'\n",
                     [] {
                       SpecOptions options;
                       options.state_root = "/s";
                       return options;
                     }())
              .machines[0]
              .config.kernel == "/s/demo/a/k");
}
