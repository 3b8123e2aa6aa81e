// SPDX-License-Identifier: MIT
#include "fleet/offers.hpp"

#include "tests/support/catch.hpp"

using namespace vmfleet;

namespace {

const std::string kLine = "ssh-ed25519 AAAA \"ada\"";

Injection& inject(MachineConfig& config, InjectionWay via, const std::string& path) {
  Injection& injection = config.injections.emplace_back();
  injection.via = via;
  injection.path = path;
  return injection;
}

void offer(MachineConfig& config, const std::string& user = "root") {
  SshAccess access;
  access.user = user;
  offer_key(config, access, "/keys/id", kLine);
}

}  // namespace

TEST_CASE("a key is offered to tiny and to systemd as a file") {
  MachineConfig config;
  offer(config);
  REQUIRE(config.injections.size() == 2);
  REQUIRE(config.injections[0].via == InjectionWay::fw_cfg);
  REQUIRE(config.injections[0].path == "vmfleet/authorized_keys");
  REQUIRE(config.injections[0].source == "/keys/id.pub");
  REQUIRE(config.injections[1].via == InjectionWay::credential);
  REQUIRE(config.injections[1].path == "ssh.authorized_keys.root");
}

TEST_CASE("cloud-init gets the key where it has a disk and no user-data") {
  MachineConfig config;
  inject(config, InjectionWay::cloud_init, "meta-data").text = "x";
  MachineConfig other = config;
  MachineConfig given = config;
  offer(config);
  REQUIRE(*config.injections.at(3).text ==
          "#cloud-config\ndisable_root: false\nssh_authorized_keys:\n"
          "  - \"ssh-ed25519 AAAA \\\"ada\\\"\"\n");
  offer(other, "ada");
  REQUIRE_THAT(*other.injections.at(3).text, ContainsSubstring("user: \"ada\"\n"));
  inject(given, InjectionWay::cloud_init, "user-data").text = "own";
  offer(given);
  REQUIRE(given.injections.size() == 4);
}

TEST_CASE("what the user injects wins over what is offered") {
  MachineConfig config;
  inject(config, InjectionWay::fw_cfg, "opt/vmfleet/authorized_keys");
  inject(config, InjectionWay::credential, "ssh.authorized_keys.root");
  config.fw_cfg.resize(1);
  config.fw_cfg[0].name = "opt/vmfleet/hostname";
  offer(config);
  offer_hostname(config);
  REQUIRE(config.injections.size() == 2);
}

TEST_CASE("a name is offered in a file") {
  MachineConfig config;
  config.name = "web-0";
  offer_hostname(config);
  REQUIRE(config.injections.at(0).path == "vmfleet/hostname");
  REQUIRE(*config.injections[0].text == "web-0");
}
