// SPDX-License-Identifier: MIT
// Clones on LANs: each has addresses of its own before it can be heard.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <fstream>
#include <set>

#include <fmt/format.h>

#include <vmfleet/base/unique_fd.hpp>
#include <vmfleet/io/files.hpp>

#include "tests/cli/clone_world.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using test::CloneWorld;
using test::Ran;
using test::Words;

namespace {

/// Three machines on a LAN, the second of their networks; in the file's folder.
struct LanCloneWorld : CloneWorld {
  explicit LanCloneWorld(const std::string& more = "") {
    std::ofstream(folder() / "vmfleet.toml") << "fleet = \"demo\"\n[defaults]\naccel = \"tcg\"\n"
                                                "image = \"tiny\"\ntemplate = \"auto\"\n"
                                             << R"([machine.node]
count = 3
net = [{ type = "user", forward = ["ssh:22"] }, { type = "lan", lan = "blue" }]
)" << more;
  }

  [[nodiscard]] Ran up_file(const Words& more = {}) const {
    Words words{"up", "-f", (folder() / "vmfleet.toml").string()};
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  }

  [[nodiscard]] json::Value lan_of(const std::string& machine) const {
    const auto document = this->document({"inspect", "-p", "demo", machine});
    return test::machine(document, 0)["network"]["interfaces"].as_array()->at(1);
  }

  std::string on(const std::string& machine, const std::string& script) const {
    const Ran ran = run({"exec", "-p", "demo", machine, "--", "sh", "-c", script});
    INFO(machine << ": " << script << "\n" << ran.out << ran.err);
    CHECK(ran.code == 0);
    return ran.out;
  }
};

/// Hears what is sent on a segment, `GROUP:PORT`, from now on.
UniqueFd listen_on(const std::string& segment) {
  const auto colon = segment.find(':');
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(segment.substr(colon + 1))));
  REQUIRE(::inet_pton(AF_INET, segment.substr(0, colon).c_str(), &address.sin_addr) == 1);
  UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int yes = 1;
  ip_mreq group{};
  group.imr_multiaddr = address.sin_addr;
  group.imr_interface.s_addr = htonl(INADDR_LOOPBACK);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::setsockopt(fd.get(), IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group) == 0);
  return fd;
}

/// The MAC addresses of those who have sent something.
std::set<std::string> senders(const UniqueFd& segment) {
  std::set<std::string> macs;
  unsigned char frame[2048];
  while (::recv(segment.get(), frame, sizeof frame, 0) >= 14) {
    const unsigned char* mac = frame + 6;
    macs.insert(fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", mac[0], mac[1], mac[2],
                            mac[3], mac[4], mac[5]));
  }
  return macs;
}

/// Of the first LAN in the machines' command lines.
std::string segment_in(const std::string& command_lines) {
  constexpr std::string_view kKey = "\"mcast\":\"";
  const auto begin = command_lines.find(kKey) + kKey.size();
  return command_lines.substr(begin, command_lines.find('"', begin) - begin);
}

std::string bare(std::string_view address) {
  return std::string(address.substr(0, address.find('/')));
}

/// Each has what its configuration says, and finds the others.
void check_addresses(const LanCloneWorld& world) {
  std::set<std::string> macs;
  std::set<std::string> of_ipv6;
  for (const std::string name : {"node-0", "node-1", "node-2"}) {
    const json::Value lan = world.lan_of(name);
    macs.emplace(lan.text("mac"));
    CHECK(world.on(name, "cat /sys/class/net/eth1/address") == std::string(lan.text("mac")) + "\n");
    const std::string addresses = world.on(name, "ip -o addr show dev eth1; ip route");
    CHECK_THAT(addresses, ContainsSubstring(std::string(lan.text("address")) + " brd 10."));
    CHECK(test::count_of(addresses, "inet ") == 1);
    CHECK_THAT(addresses, ContainsSubstring("default via 10.0.2.2"));
    CHECK(world.on(name, "grep -c . /etc/hosts") == "4\n");
    for (const std::string other : {"node-0", "node-1", "node-2.blue"}) {
      world.on(name, fmt::format("ping -c 1 -W 30 {}", other));
    }
    world.on(name, fmt::format("ping -c 1 -W 30 {}", bare(world.lan_of("node-1").text("address"))));
    of_ipv6.insert(world.on(name, "until grep eth1 /proc/net/if_inet6; do sleep 0.1; done"));
  }
  CHECK(macs.size() == 3);
  CHECK(of_ipv6.size() == 3);
}

}  // namespace

TEST_CASE("clones on a LAN have addresses of their own, and find each other by name") {
  const LanCloneWorld world;
  const Ran up = world.up_file();
  INFO(up.err);
  REQUIRE(up.code == 0);
  CHECK_THAT(up.err, !ContainsSubstring("warning"));
  check_addresses(world);
  // A reset boots it, with the same addresses.
  REQUIRE(world.run({"reset", "-p", "demo", "node-2"}).code == 0);
  REQUIRE(world.run({"wait", "-p", "demo", "node-2", "--for", "ready"}).code == 0);
  world.on("node-0", "ping -c 1 -W 30 node-2");
  CHECK(world.run({"ssh", "-p", "demo", "node-2", "--", "ping -c 1 -W 30 node-0"}).code == 0);
  // So does a restart.
  REQUIRE(world.run({"restart", "-p", "demo", "node-1"}).code == 0);
  const auto ps = world.document({"ps", "-p", "demo"});
  CHECK_FALSE(test::machine(ps, 0).text("template").empty());
  CHECK(test::machine(ps, 1).text("template").empty());
  world.on("node-0", "ping -c 1 -W 30 node-1");
}

TEST_CASE("a Linux guest has its clones' addresses changed by its agent") {
  // It has no program for that, then.
  const LanCloneWorld world(
      "inject = [{ via = \"initrd\", path = \"/etc/vmfleet/renew\", text = \"none\" }]\n");
  const Ran up = world.up_file();
  INFO(up.err);
  REQUIRE(up.code == 0);
  CHECK_THAT(up.err, !ContainsSubstring("warning"));
  const auto record = files::read(world.templates().at(0) / "template.json");
  CHECK_THAT(record, ContainsSubstring("\"renewal\":\"agent\""));
  check_addresses(world);
}

TEST_CASE("clones of fleets of one name in two state roots do not meet on their LANs") {
  LanCloneWorld world;
  const std::string ours = world.environment["VMFLEET_STATE_DIR"];
  REQUIRE(world.up_file({"node-0", "node-1"}).code == 0);
  world.environment["VMFLEET_STATE_DIR"] = (world.folder() / "theirs").string();
  REQUIRE(world.up_file({"node-1", "node-2"}).code == 0);
  const std::string stranger = bare(world.lan_of("node-2").text("address"));
  world.environment["VMFLEET_STATE_DIR"] = ours;
  world.on("node-0", "ping -c 1 -W 30 node-1");
  world.on("node-0",
           fmt::format("! ping -c 3 -W 3 {0} && ! grep '^{0} .* 0x2 ' /proc/net/arp", stranger));
  world.environment["VMFLEET_STATE_DIR"] = (world.folder() / "theirs").string();
  CHECK(world.run({"down", "-p", "demo"}).code == 0);
  world.environment["VMFLEET_STATE_DIR"] = ours;
}

TEST_CASE("no clone is heard on its LAN before it has an address of its own") {
  // A guest that asks for somebody all the time, fifty times a second; until it is renumbered,
  // which takes the route.
  const LanCloneWorld world(
      "inject = [{ via = \"initrd\", path = \"/etc/inittab\", source = \"inittab\" }]\n");
  std::ofstream(world.folder() / "inittab")
      << "::once:/bin/sh -c 'cd /proc/sys/net/ipv4/neigh/eth1; echo 20 >retrans_time_ms; "
         "echo 1000000 >mcast_solicit; ip route add 192.0.2.9 dev eth1; ping 192.0.2.9 "
         ">/dev/null'\n";
  REQUIRE(world.up_file({"node-0"}).code == 0);
  REQUIRE(world.run({"down", "-p", "demo"}).code == 0);
  // None of this fleet's addresses are those of the template.
  const Ran plan = world.up_file({"-p", "other", "--dry-run"});
  const UniqueFd segment = listen_on(segment_in(plan.out));
  const Ran up = world.up_file({"-p", "other"});
  INFO(up.err);
  REQUIRE(up.code == 0);
  CHECK(world.templates().size() == 1);
  const auto on_first = [&](const std::string& script) {
    return world.run({"exec", "-p", "other", "node-0", "--", "sh", "-c", script}).code;
  };
  CHECK(on_first("pidof ping") == 0);
  CHECK(on_first("ping -c 1 -W 30 node-1") == 0);
  const auto ps = world.document({"inspect", "-p", "other"});
  std::set<std::string> theirs;
  for (const auto& one : *ps["machines"].as_array()) {
    theirs.emplace(one["network"]["interfaces"].as_array()->at(1).text("mac"));
  }
  const auto heard = senders(segment);
  CHECK(heard.size() >= 2);
  for (const auto& mac : heard) CHECK(theirs.count(mac) == 1);
  CHECK(world.run({"down", "-p", "other"}).code == 0);
}
