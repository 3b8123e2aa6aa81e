// SPDX-License-Identifier: MIT
#include <vmfleet/qemu/port_forward.hpp>

#include <random>

#include "tests/support/catch.hpp"

using namespace vmfleet;

namespace {

// Printed by QEMU 7.2 and by a version before 5.0.
constexpr const char* kTable =
    "Hub -1 (net0):\n"
    "  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\n"
    "  TCP[ESTABLISHED]   19       127.0.0.1 41021       10.0.2.15    22     0     0\n"
    "  TCP[HOST_FORWARD]  16       127.0.0.1 41021       10.1.0.20    22     0     0\n"
    "  UDP[HOST_FORWARD]  15       127.0.0.1 37876       10.1.0.20    53     0     0\n"
    "  UDP[12 sec]        17       10.0.2.15 40000        10.0.2.3    53     0     0\n"
    "  ICMP[3 sec]        18       10.0.2.15  -            8.8.8.8  -        0     0\n";

}  // namespace

TEST_CASE("forwards are read from QEMU's table and nothing else is") {
  const auto forwards = parse_usernet(kTable);
  REQUIRE(forwards.size() == 2);
  REQUIRE(forwards[0].name == "net0");
  REQUIRE(forwards[0].protocol == "tcp");
  REQUIRE(forwards[0].host_addr == "127.0.0.1");
  REQUIRE(forwards[0].host_port == 41021);
  REQUIRE(forwards[0].guest_addr == "10.1.0.20");
  REQUIRE(forwards[0].guest_port == 22);
  REQUIRE(forwards[1].protocol == "udp");
  REQUIRE(forwards[1].host_port == 37876);
  REQUIRE(forwards[1].guest_port == 53);
}

TEST_CASE("the head line of old versions and carriage returns change nothing") {
  std::string text(kTable);
  text.replace(text.find("Hub"), 3, "VLAN");
  std::string with_returns;
  for (const char c : text) {
    if (c == '\n') with_returns += '\r';
    with_returns += c;
  }
  REQUIRE(parse_usernet(with_returns) == parse_usernet(kTable));
}

TEST_CASE("a forward belongs to the network whose table it stands in") {
  const auto forwards = parse_usernet(
      "Hub -1 (net0):\n  TCP[HOST_FORWARD] 1 127.0.0.1 1 10.0.2.15 22 0 0\n"
      "Hub 0 (net1):\n  TCP[HOST_FORWARD] 2 127.0.0.1 2 10.0.2.15 22 0 0\n");
  REQUIRE(forwards.size() == 2);
  REQUIRE(forwards[0].name == "net0");
  REQUIRE(forwards[1].name == "net1");
}

TEST_CASE("a star stands for any address") {
  const auto forwards = parse_usernet(
      "  TCP[HOST_FORWARD]  13               *  8080       10.0.2.15    80     0     0");
  REQUIRE(forwards.size() == 1);
  REQUIRE(forwards[0].host_addr == "0.0.0.0");
  REQUIRE(forwards[0].host_port == 8080);
}

TEST_CASE("columns that nobody needs may be missing or run together") {
  REQUIRE(parse_usernet("TCP[HOST_FORWARD] 127.0.0.1 40123 10.0.2.15 22").size() == 1);
  REQUIRE(parse_usernet("TCP[HOST_FORWARD]1234 127.0.0.1 40123 10.0.2.15 22 0 0").size() == 1);
  REQUIRE(parse_usernet("TCP[HOST_FORWARD] 12 ::1 40123 fec0::15 22 0 0").size() == 1);
}

TEST_CASE("a row without what makes a forward is passed over") {
  for (const char* row :
       {"TCP[HOST_FORWARD]", "TCP[HOST_FORWARD] 12", "TCP[HOST_FORWARD] 12 127.0.0.1",
        "TCP[HOST_FORWARD] 12 127.0.0.1 40123", "TCP[HOST_FORWARD] 12 127.0.0.1 40123 10.0.2.15",
        "TCP[HOST_FORWARD] 12 127.0.0.1 70000 10.0.2.15 22", "TCP[HOST_FORWARD] 12 40123 22",
        "TCP[HOST_FORWARD] 12 127.0.0.1 - 10.0.2.15 -",
        "XTCP[HOST_FORWARD] 1 127.0.0.1 1 1.1.1.1 1",
        "TCP[SYN_SENT] 12 127.0.0.1 40123 10.0.2.15 22 0 0"}) {
    INFO(row);
    REQUIRE(parse_usernet(row).empty());
  }
}

TEST_CASE("garbage is read without harm") {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string text(kTable);
    for (int i = 0; i < 20; ++i) text[random() % text.size()] = static_cast<char>(random());
    text.resize(random() % text.size());
    REQUIRE(parse_usernet(text).size() <= 3);
  }
  REQUIRE(parse_usernet("").empty());
  REQUIRE(parse_usernet("(").empty());
  REQUIRE(parse_usernet("):").empty());
  REQUIRE(parse_usernet(std::string(100, '\0')).empty());
}

TEST_CASE("the way to an SSH server is TCP, by its name or its port") {
  const auto port = [](const char* name, const char* protocol, std::uint16_t guest) {
    PortForward forward;
    forward.name = name;
    forward.protocol = protocol;
    forward.guest_port = guest;
    return forward;
  };
  const PortForward udp = port("ssh", "udp", 22);
  const PortForward by_port = port("login", "tcp", 22);
  const PortForward by_name = port("ssh", "tcp", 2222);
  REQUIRE(find_ssh_port({udp, port("web", "tcp", 80)}) == nullptr);
  const std::vector<PortForward> one = {udp, by_port};
  REQUIRE(find_ssh_port(one) == &one[1]);
  const std::vector<PortForward> both = {by_port, by_name};
  REQUIRE(find_ssh_port(both) == &both[1]);
}
