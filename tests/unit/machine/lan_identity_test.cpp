// SPDX-License-Identifier: MIT
#include "machine/lan_identity.hpp"

#include "tests/support/catch.hpp"

using namespace vmfleet;

namespace {

MachineConfig machine_on_a_lan() {
  MachineConfig config;
  config.fleet = "demo";
  config.name = "node-1";
  config.nets.resize(2);
  config.nets[1].type = NetType::lan;
  config.nets[1].lan = "blue";
  config.nets[1].address = "10.64.0.2/16";
  Injection hosts;
  hosts.path = "opt/vmfleet/hosts";
  hosts.text = "10.64.0.1 node-0\n";
  config.injections.push_back(hosts);
  return config;
}

}  // namespace

TEST_CASE("a clone gets its own addresses on LANs, and keeps its template's elsewhere") {
  MachineConfig config = machine_on_a_lan();
  MachineTemplate original;
  original.macs = {"52:00:00:00:00:01", "52:00:00:00:00:AB"};
  const LanIdentity derived = lan_identity_of(config, original);
  REQUIRE(derived.interfaces.size() == 1);
  CHECK(derived.interfaces[0].old_mac == "52:00:00:00:00:ab");
  CHECK(derived.interfaces[0].new_mac == derive_mac("demo", "node-1", 1));
  CHECK(derived.interfaces[0].address == "10.64.0.2/16");
  CHECK(derived.hosts == "10.64.0.1 node-0\n");
  config.nets[1].mac = "52:54:00:AA:BB:CC";
  CHECK(lan_identity_of(config, original).interfaces[0].new_mac == "52:54:00:aa:bb:cc");
  config.nets.pop_back();
  CHECK(lan_identity_of(config, original).interfaces.empty());
}

TEST_CASE("a template is told of no neighbours") {
  MachineConfig config = machine_on_a_lan();
  CHECK(has_lans(config));
  CHECK(tells_of_lans(config, config.injections[0]));
  Injection mine;
  mine.path = "opt/mine/hosts";
  config.injections.push_back(mine);
  CHECK_FALSE(tells_of_lans(config, mine));
  forget_neighbours(config);
  REQUIRE(config.injections.size() == 1);
  CHECK(config.injections[0] == mine);
}
