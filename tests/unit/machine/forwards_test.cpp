// SPDX-License-Identifier: MIT
#include "machine/forwards.hpp"

#include <vmfleet/instance/intent.hpp>

#include "machine/state_record.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

PortForward port(const std::string& name, std::uint16_t host, std::uint16_t guest,
                 const std::string& protocol = "tcp", const std::string& address = "127.0.0.1") {
  PortForward port;
  port.name = name;
  port.protocol = protocol;
  port.host_addr = address;
  port.host_port = host;
  port.guest_port = guest;
  return port;
}

MachineConfig with_nets(const std::vector<std::vector<std::string>>& nets) {
  MachineConfig config;
  for (const auto& forwards : nets) {
    Net& net = config.nets.emplace_back();
    for (const auto& text : forwards) net.forwards.push_back(parse_forward(text).value());
  }
  return config;
}

std::vector<std::string> texts_of(const Net& net) {
  std::vector<std::string> texts;
  for (const auto& forward : net.forwards) texts.push_back(to_string(forward));
  return texts;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("forwards get their names back, each from its own network") {
  const MachineConfig config = with_nets({{"ssh:22", "web:80", "again:80"}, {"other:22"}});
  const ForwardMatch match = match_forwards(
      config, {port("net1", 4, 22), port("net0", 1, 80), port("net0", 2, 80), port("net0", 3, 22)});
  REQUIRE(match.missing.empty());
  REQUIRE(match.ports == std::vector<PortForward>{port("ssh", 3, 22), port("web", 1, 80),
                                                  port("again", 2, 80), port("other", 4, 22)});
}

TEST_CASE("a forward that is not there, or not as it was asked for, is missing") {
  const MachineConfig config =
      with_nets({{"a:22", "b:8080:80", "c:53/udp", "d:0.0.0.0:99:99", "e:7"}});
  const ForwardMatch match =
      match_forwards(config, {port("net0", 8081, 80), port("net0", 1, 53), port("net0", 99, 99),
                              port("net0", 7, 7), port("net1", 5, 22)});
  REQUIRE(match.missing == Texts{"a", "b", "c", "d"});
  REQUIRE(match.ports == std::vector<PortForward>{port("e", 7, 7)});
}

TEST_CASE("forwards are what they were in the machine's last life") {
  MachineConfig config = with_nets({{"ssh:22", "old:1", "fixed:8080:80"}});
  config.nets.emplace(config.nets.begin())->type = NetType::lan;
  ForwardHistory history;
  // Port 1 of an address of nobody: whether a port is free is asked for the right address only.
  history.ports = {port("ssh", 40001, 22, "tcp", "127.0.0.1"), port("fixed", 9, 80),
                   port("added", 40002, 53, "udp")};
  history.removed = {"old"};
  REQUIRE(keep_forwards(config, history).empty());
  REQUIRE(texts_of(config.nets[0]).empty());
  REQUIRE(texts_of(config.nets[1]) == Texts{"ssh:40001:22", "fixed:8080:80", "added:40002:53/udp"});
}

TEST_CASE("a forward that took the name of a removed one leads where it led") {
  MachineConfig config = with_nets({{"web:80", "dns:53", "ssh:22"}});
  ForwardHistory history;
  history.ports = {port("web", 40001, 8080), port("dns", 40002, 53, "udp"), port("ssh", 40003, 22)};
  history.added = {"web", "dns"};
  REQUIRE(keep_forwards(config, history).empty());
  REQUIRE(texts_of(config.nets[0]) == Texts{"ssh:40003:22", "web:40001:8080", "dns:40002:53/udp"});
}

TEST_CASE("a forward that was added wins over one of its name, whatever that one asks for") {
  MachineConfig config = with_nets({{"ssh:0.0.0.0:28022:22"}});
  ForwardHistory history;
  history.ports = {port("ssh", 40001, 22)};
  history.added = {"ssh"};
  REQUIRE(keep_forwards(config, history).empty());
  REQUIRE(texts_of(config.nets[0]) == Texts{"ssh:40001:22"});
}

TEST_CASE("the history is that of the same specification only") {
  const TempDir root;
  const auto directory = InstanceDirectory::create(root.path(), "demo", "vm-0");
  REQUIRE(read_forward_history(directory, "abc").ports.empty());
  Intent intent;
  intent.spec_hash = "abc";
  write_intent(directory, intent);
  StateRecord state;
  state.forwards.ports = {port("ssh", 40001, 22)};
  state.forwards.removed = {"old"};
  state.forwards.added = {"ssh"};
  write_state(directory, state);
  REQUIRE(read_forward_history(directory, "abc").ports == state.forwards.ports);
  REQUIRE(read_forward_history(directory, "abc").removed == Texts{"old"});
  REQUIRE(read_forward_history(directory, "abc").added == Texts{"ssh"});
  REQUIRE(read_forward_history(directory, "other").ports.empty());
  REQUIRE(read_forward_history(directory, "").ports.empty());
}
