// SPDX-License-Identifier: MIT
#include "machine/port_words.hpp"

#include <string>

#include "tests/support/catch.hpp"

using namespace vmfleet;

TEST_CASE("a forward that is named gets a port, and its words are replaced everywhere") {
  MachineConfig config;
  config.nets.resize(1);
  config.nets[0].forwards = {Forward("ssh", 22), Forward("web", 80), Forward("quiet", 81)};
  config.nets[0].forwards[1].host_port = 8080;
  config.append = {"at={port:ssh},{port:web}", "again={port:ssh}"};
  config.qemu_args = {"{port:web}"};
  config.injections.resize(1);
  config.injections[0].text = "port {port:ssh} of ${port:other}";
  Readiness readiness;
  readiness.regex = {"^{port:web}$"};
  readiness.fail = std::vector<std::string>{"no {port:ssh}"};
  REQUIRE(fill_in_ports(config, readiness) == std::vector<std::string>{"ssh", "web"});
  const auto& forwards = config.nets[0].forwards;
  const std::string ssh = std::to_string(forwards[0].host_port);
  REQUIRE(forwards[0].host_port != 0);
  REQUIRE(forwards[2].host_port == 0);  // QEMU chooses better
  REQUIRE(config.append == std::vector<std::string>{"at=" + ssh + ",8080", "again=" + ssh});
  REQUIRE(config.qemu_args == std::vector<std::string>{"8080"});
  REQUIRE(config.injections[0].text == "port " + ssh + " of ${port:other}");
  REQUIRE(readiness.regex == std::vector<std::string>{"^8080$"});
  REQUIRE(readiness.fail->at(0) == "no " + ssh);
}
