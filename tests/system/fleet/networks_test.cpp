// SPDX-License-Identifier: MIT
// Networks of Linux guests: LANs, the keys of a user network, and a tap.
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

#include <vmfleet/fleet/fleet.hpp>
#include <vmfleet/io/tcp_socket.hpp>
#include <vmfleet/machine/machine.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/in_guest.hpp"
#include "tests/support/process_leak_guard.hpp"
#include "tests/support/tap.hpp"
#include "tests/support/temp_dir.hpp"

#include <vmfleet/testkit/catch2.hpp>

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

const std::vector<std::string> kEveryone;

/// Machines of the image tiny with these keys, ready when their agent answers.
FleetSpec spec_of(const std::string& machines) {
  return FleetSpec::parse(
      "fleet = 'demo'\n[defaults]\naccel = 'tcg'\nimage = 'tiny'\n"
      "ready = { serial = 'vmfleet: guest ready', agent = true, timeout = '120s' }\n" +
          machines,
      "/fleets/demo/vmfleet.toml");
}

std::string lans(const std::string& machine, const std::vector<std::string>& names) {
  std::string text = "[machine." + machine + "]\nnet = [";
  for (const auto& name : names) text += "{ type = 'lan', lan = '" + name + "' }, ";
  return text + "]\n";
}

Task<void> start_one(Fleet& fleet, const FleetSpec& spec, std::string name) {
  UpOptions options;
  options.names.push_back(std::move(name));
  const FleetReport up = co_await fleet.up(spec, std::move(options));
  if (up.machines[0].error) FAIL(up.machines[0].error->message());
}

Task<Machine> machine_of(const Fleet& fleet, std::string name) {
  return Machine::adopt(fleet.directory_of(name));
}

std::string address_of(const FleetSpec& spec, std::size_t machine, std::size_t net = 0) {
  const std::string& address = spec.machines.at(machine).config.nets.at(net).address;
  return address.substr(0, address.find('/'));
}

/// The host's side of an interface.
bool give_address(const std::string& interface, std::uint32_t address) {
  const UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  interface.copy(request.ifr_name, IFNAMSIZ - 1);
  auto& inet = reinterpret_cast<sockaddr_in&>(request.ifr_addr);
  inet.sin_family = AF_INET;
  inet.sin_addr.s_addr = htonl(address);
  if (::ioctl(fd.get(), SIOCSIFADDR, &request) != 0) return false;
  inet.sin_addr.s_addr = htonl(0xfffffffc);
  return ::ioctl(fd.get(), SIOCSIFNETMASK, &request) == 0;
}

}  // namespace

VMFLEET_ASYNC_TEST_CASE("machines of a LAN find each other by name, in whatever order they start") {
  ProcessLeakGuard guard;
  const TempDir root;
  const FleetSpec spec =
      spec_of(lans("a", {"blue"}) + lans("b", {"blue", "red"}) + lans("c", {"red", "blue"}));
  Fleet fleet(root.path(), "demo");
  const std::vector<std::string> order{"c", "a", "b"};
  for (const auto& name : order) co_await start_one(fleet, spec, name);
  for (const auto& name : order) {
    Machine machine = co_await machine_of(fleet, name);
    co_await in_guest(machine,
                      "for n in a b c a.blue c.blue; do "
                      "ping -c 1 -W 30 $n >/dev/null && echo \"$(hostname) sees $n\"; done");
    const std::vector<std::string> all{name + " sees a", name + " sees b", name + " sees c",
                                       name + " sees a.blue", name + " sees c.blue"};
    co_await wait_said(machine, all);
  }
  Machine b = co_await machine_of(fleet, "b");
  co_await in_guest(b, "ping -c 1 -W 30 c.red >/dev/null && echo both LANs");
  const std::vector<std::string> both{"both LANs"};
  co_await wait_said(b, both);
  co_await fleet.down(kEveryone, StopOptions::kill());
}

VMFLEET_ASYNC_TEST_CASE("fleets of one name in two state roots do not meet on their LANs") {
  ProcessLeakGuard guard;
  const TempDir ours;
  const TempDir theirs;
  const FleetSpec spec = spec_of(lans("a", {"blue"}) + lans("b", {"blue"}) + lans("c", {"blue"}));
  Fleet our_fleet(ours.path(), "demo");
  Fleet their_fleet(theirs.path(), "demo");
  co_await start_one(our_fleet, spec, "a");
  co_await start_one(our_fleet, spec, "b");
  co_await start_one(their_fleet, spec, "b");  // the same address and MAC address as ours
  co_await start_one(their_fleet, spec, "c");
  Machine a = co_await machine_of(our_fleet, "a");
  Machine c = co_await machine_of(their_fleet, "c");
  const std::string look =
      "ping -c 1 -W 30 b >/dev/null && echo ours answers; "
      "ping -c 3 -W 3 {0} >/dev/null || echo theirs does not; "
      "grep -q '^{0} .* 0x2 ' /proc/net/arp || echo nor by ARP";
  const std::vector<std::string> apart{"ours answers", "theirs does not", "nor by ARP"};
  co_await in_guest(a, fmt::format(fmt::runtime(look), address_of(spec, 2)));
  co_await in_guest(c, fmt::format(fmt::runtime(look), address_of(spec, 0)));
  co_await wait_said(a, apart);
  co_await wait_said(c, apart);
  co_await our_fleet.down(kEveryone, StopOptions::kill());
  co_await their_fleet.down(kEveryone, StopOptions::kill());
}

VMFLEET_ASYNC_TEST_CASE("the keys of a user network reach the guest") {
  ProcessLeakGuard guard;
  const TempDir root;
  Fleet fleet(root.path(), "demo");
  const FleetSpec spec = spec_of(
      "[machine.open]\nnet = [{ subnet = '10.9.0.0/24', host = '10.9.0.7', dns = '10.9.0.8', "
      "dhcp_start = '10.9.0.40', forward = ['ssh:22'] }]\n"
      "[machine.closed]\nnet = [{ restrict = true, forward = ['ssh:22'] }]\n");
  const FleetReport up = co_await fleet.up(spec);
  REQUIRE(up.ready() == 2);
  Machine open = co_await machine_of(fleet, "open");
  Machine closed = co_await machine_of(fleet, "closed");
  co_await in_guest(open, "ip -4 addr show eth0; ip route; cat /etc/resolv.conf; " +
                              fmt::format("nc -w 20 10.9.0.7 {} </dev/null | grep -ao SSH-2.0 && "
                                          "echo reached the host",
                                          closed.port("ssh").host_port));
  // Through its host the other one's SSH server greets: a restricted guest is reached all the same.
  const std::vector<std::string> as_asked{"inet 10.9.0.40/24", "default via 10.9.0.7",
                                          "nameserver 10.9.0.8", "SSH-2.0", "reached the host"};
  co_await wait_said(open, as_asked);
  co_await in_guest(closed, fmt::format("nc -w 5 10.0.2.2 {} </dev/null | grep -a SSH-2.0 || "
                                        "echo reached nothing",
                                        open.port("ssh").host_port));
  const std::vector<std::string> nothing{"reached nothing"};
  co_await wait_said(closed, nothing);
  co_await fleet.down(kEveryone, StopOptions::kill());
}

VMFLEET_ASYNC_TEST_CASE("the host reaches a guest through a tap, or is told why not") {
  ProcessLeakGuard guard;
  const TempDir root;
  const Tap tap;
  // 198.18.0.0/15 is set aside for measurements of networks: nobody else is there.
  const auto network = 0xc6120000U | (static_cast<std::uint32_t>(::getpid()) & 0x7fffU) << 2;
  const bool there = tap.made() && give_address(tap.name(), network + 1);
  const std::string guest =
      fmt::format("198.{}.{}.{}", network >> 16 & 0xff, network >> 8 & 0xff, (network & 0xff) + 2);
  Fleet fleet(root.path(), "demo");
  const FleetSpec spec = spec_of(
      fmt::format("[machine.a]\nnet = [{{ type = 'tap', interface = '{}', address = '{}/30' }}]\n",
                  tap.name(), guest));
  const FleetReport up = co_await fleet.up(spec);
  if (there) {
    REQUIRE(up.ready() == 1);
    TcpSocket socket = co_await TcpSocket::connect(guest, 22);
    char greeting[4];
    const std::size_t size = co_await socket.read(greeting);
    REQUIRE(std::string(greeting, size) == "SSH-");
  } else {
    REQUIRE(up.machines[0].error->kind() == ErrorKind::host_unfit);
    REQUIRE_FALSE(up.machines[0].error->hint().empty());
  }
  co_await fleet.down(kEveryone, StopOptions::kill());
}
