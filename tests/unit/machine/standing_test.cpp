// SPDX-License-Identifier: MIT
#include <machine/standing.hpp>

#include <vmfleet/qemu/command_line.hpp>

#include "tests/support/catch.hpp"

using namespace vmfleet;

TEST_CASE("what a machine's interfaces are connected to is read from its arguments") {
  MachineConfig config;
  REQUIRE(network_modes(build_command_line(config).argv).empty());
  config.nets.resize(3);
  config.nets[1].type = NetType::tap;
  config.nets[1].interface = "tap7";
  config.nets[2].type = NetType::lan;
  config.nets[2].lan = "blue";
  REQUIRE(network_modes(build_command_line(config).argv) ==
          std::vector<std::string>{"user", "tap tap7", "lan"});
}

TEST_CASE("arguments that are no network of ours are passed over") {
  REQUIRE(network_modes({"-netdev", "user,id=n", "-netdev"}).empty());
}
