// SPDX-License-Identifier: MIT
#include <vmfleet/qemu/net.hpp>

#include <set>

#include "qemu/syntax.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/qemu/arguments.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

TEST_CASE("a forward is bound to loopback and its port left to QEMU") {
  MachineConfig config;
  config.nets.resize(1);
  config.nets[0].forwards = {*parse_forward("ssh:22"), *parse_forward("dns:10.1.1.1:5353:53/udp")};
  const json::Value net = json_of(build_command_line(config), "-netdev", "id", "net0");
  const json::Array& rules = *net["hostfwd"].as_array();
  REQUIRE(rules.size() == 2);
  REQUIRE(rules[0].text("str") == "tcp:127.0.0.1:0-:22");
  REQUIRE(rules[1].text("str") == "udp:10.1.1.1:5353-:53");
}

TEST_CASE("a user network passes on only what was asked for") {
  MachineConfig config;
  config.nets.resize(1);
  REQUIRE(value_of(build_command_line(config), "-netdev") == R"({"type":"user","id":"net0"})");
  config.nets[0].subnet = "10.1.0.0/24";
  config.nets[0].dhcp_start = "10.1.0.20";
  config.nets[0].dns = "10.1.0.3";
  config.nets[0].host = "10.1.0.2";
  config.nets[0].restrict_guest = true;
  const json::Value net = json_of(build_command_line(config), "-netdev", "id", "net0");
  REQUIRE(net.text("net") == "10.1.0.0/24");
  REQUIRE(net.text("dhcpstart") == "10.1.0.20");
  REQUIRE(net.text("dns") == "10.1.0.3");
  REQUIRE(net.text("host") == "10.1.0.2");
  REQUIRE(net.flag("restrict", false));
}

TEST_CASE("a network card has no boot ROM and a MAC address of its own") {
  MachineConfig config;
  config.fleet = "demo";
  config.name = "web-0";
  config.nets.resize(1);
  const json::Value nic = device(build_command_line(config), "virtio-net-pci");
  REQUIRE(nic.text("netdev") == "net0");
  REQUIRE(nic.text("mac") == derive_mac("demo", "web-0", 0));
  REQUIRE(nic["romfile"] == json::Value(""));
  config.nets[0].mac = "52:54:00:00:00:01";
  REQUIRE(device(build_command_line(config), "virtio-net-pci").text("mac") == "52:54:00:00:00:01");
}

TEST_CASE("derived MAC addresses are valid, local, and differ between machines") {
  std::set<std::string> macs;
  for (const char* fleet : {"a", "b"}) {
    for (int machine = 0; machine < 500; ++machine) {
      for (std::size_t index = 0; index < 2; ++index) {
        const std::string mac = derive_mac(fleet, "vm-" + std::to_string(machine), index);
        REQUIRE(qemu::is_mac(mac));
        REQUIRE(mac.rfind("52:", 0) == 0);
        macs.insert(mac);
      }
    }
  }
  REQUIRE(macs.size() == 2000);
}

TEST_CASE("the machines of one fleet meet on a LAN and those of another do not") {
  MachineConfig config;
  config.nets.resize(1);
  config.nets[0].type = NetType::lan;
  config.nets[0].lan = "blue";
  const auto group = [&](const char* scope, const char* fleet, const char* name) {
    config.lan_scope = scope;
    config.fleet = fleet;
    config.name = name;
    const json::Value net = json_of(build_command_line(config), "-netdev", "id", "net0");
    REQUIRE(net.text("localaddr") == "127.0.0.1");
    REQUIRE(net.text("mcast") == lan_segment(scope, fleet, "blue"));
    return std::string(net.text("mcast"));
  };
  REQUIRE(group("", "demo", "a") == group("", "demo", "b"));
  REQUIRE(group("", "demo", "a") != group("", "other", "a"));
  REQUIRE(group("1000:/tmp/a", "demo", "a") != group("1000:/tmp/b", "demo", "a"));
  REQUIRE(group("1000:/tmp/a", "demo", "a") != group("1001:/tmp/a", "demo", "a"));
  REQUIRE(group("", "demo", "a").rfind("239.", 0) == 0);
}

TEST_CASE("segments of many LANs differ, and keep off the ports that the kernel gives away") {
  std::set<std::string> segments;
  for (int root = 0; root < 100; ++root) {
    for (int lan = 0; lan < 100; ++lan) {
      const std::string segment =
          lan_segment("0:/tmp/" + std::to_string(root), "demo", std::to_string(lan));
      const int port = std::stoi(segment.substr(segment.find(':') + 1));
      REQUIRE(port >= 20'000);
      REQUIRE(port < 32'000);
      segments.insert(segment);
    }
  }
  REQUIRE(segments.size() == 10'000);
}

TEST_CASE("QEMU runs no script for a tap interface: the launch has") {
  MachineConfig config;
  config.nets.resize(1);
  config.nets[0].type = NetType::tap;
  config.nets[0].interface = "tap0";
  config.nets[0].up_script = "/etc/qemu-ifup";
  const json::Value net = json_of(build_command_line(config), "-netdev", "id", "net0");
  REQUIRE(net.text("ifname") == "tap0");
  REQUIRE(net.text("script") == "no");
  REQUIRE(net.text("downscript") == "no");
}
