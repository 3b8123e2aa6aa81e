// SPDX-License-Identifier: MIT
// Forwards of machines that run: made, taken away, kept over restarts, and ports that others have.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vmfleet/base/unique_fd.hpp>

#include "tests/cli/program.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using test::up_with;
using test::Vmfleet;
using test::Words;

namespace {

/// Host ports by the forward's name.
std::map<std::string, int> ports_in(const json::Value& machine) {
  std::map<std::string, int> ports;
  if (const json::Array* list = machine["ports"].as_array()) {
    for (const auto& port : *list) {
      ports[std::string(port.text("name"))] = static_cast<int>(port.integer("host", 0));
    }
  }
  return ports;
}

std::map<std::string, int> ports_of(const Vmfleet& world) {
  return ports_in(world.document({"port", "vm-0"}));
}

/// Listens on loopback, as another process would.
UniqueFd listen_on(int port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(fd.get(), 1) == 0);
  return fd;
}

}  // namespace

TEST_CASE("a forward is added to a machine that runs, and removed again") {
  const Vmfleet world;
  world.run(up_with("marker", {"--forward", "ssh:22"}));
  const auto added = world.document({"forward", "vm-0", "add", "web:80"});
  CHECK(added.text("schema") == "vmfleet.forward/1");
  CHECK(added.text("name") == "vm-0");
  CHECK(ports_in(added).count("ssh") == 1);
  CHECK(ports_in(added)["web"] > 0);
  CHECK(ports_of(world) == ports_in(added));
  const auto ps = world.document({"ps"});
  CHECK(ports_in(ps["machines"].as_array()->at(0)) == ports_in(added));
  const std::string web = world.run({"port", "vm-0", "web"}).out;
  CHECK(web == "127.0.0.1:" + std::to_string(ports_in(added)["web"]) + "\n");
  CHECK(world.run({"forward", "vm-0", "add", "53/udp"}).code == 0);
  CHECK(ports_of(world).size() == 3);
  const auto removed = world.run({"forward", "vm-0", "rm", "80"});
  CHECK(removed.code == 0);
  CHECK_THAT(removed.out, ContainsSubstring("53-udp"));
  CHECK_THAT(removed.out, !ContainsSubstring("web"));
  CHECK(ports_of(world).count("web") == 0);
  listen_on(ports_in(added)["web"]);
}

TEST_CASE("a forward that cannot be is refused, and says why") {
  const Vmfleet world;
  world.run(up_with("marker", {"-n", "2", "--forward", "ssh:22"}));
  const auto refused = [&](const Words& words, int code, const std::string& why) {
    Words all{"forward", "vm-0"};
    all.insert(all.end(), words.begin(), words.end());
    const auto ran = world.run(all);
    CHECK(ran.code == code);
    CHECK_THAT(ran.err, ContainsSubstring(why));
    CHECK_THAT(ran.err, ContainsSubstring("hint: "));
  };
  refused({"add", "ssh:80"}, 5, "has a forward \"ssh\" already");
  refused({"add", "web"}, 2, "the guest's port \"web\"");
  refused({"change", "web:80"}, 2, "add");
  refused({"rm", "web"}, 2, "no forward 'web'");
  const auto other = world.document({"port", "vm-1"});
  const std::string taken = std::to_string(ports_in(other)["ssh"]);
  refused({"add", "web:" + taken + ":80"}, 5, "is taken by vm-1 of fleet default (process ");
  refused({"add", "web:203.0.113.1:80:80"}, 2, "no address of this host");
  CHECK(ports_of(world).size() == 1);
  world.run({"kill", "vm-0"});
  refused({"add", "web:80"}, 7, "does not run");
}

TEST_CASE("a machine without a user network, and a forward that its readiness needs") {
  const Vmfleet world;
  const auto ran = world.shell(
      "mkdir lab && cd lab && cat >vmfleet.toml <<END\n"
      "[defaults]\naccel = \"tcg\"\nmemory = \"32M\"\n"
      "kernel = \"$VMFLEET_TESTKIT_DIR/marker.elf\"\n"
      "[machine.alone]\nnet = []\nready.serial = \"vmfleet: guest ready\"\n"
      "[machine.web]\nnet = [{ forward = [\"w:80\"] }]\n"
      "ready = { port = \"w\" }\nEND\n"
      "vmfleet up --no-wait --progress none >/dev/null\n"
      "vmfleet forward alone add 80; echo $?\nvmfleet forward web rm w; echo $?\n");
  CHECK_THAT(ran.out, ContainsSubstring("alone has no user network"));
  CHECK_THAT(ran.out, ContainsSubstring("the readiness of web needs the forward \"w\""));
}

TEST_CASE("stop and start, restart, and up keep host ports, added and removed forwards") {
  const Vmfleet world;
  const Words up = up_with("marker", {"--forward", "ssh:22", "--forward", "old:1"});
  world.run(up);
  world.run({"forward", "vm-0", "add", "web:80"});
  world.run({"forward", "vm-0", "rm", "old"});
  const auto before = ports_of(world);
  CHECK(before.size() == 2);
  CHECK(world.run({"restart", "--grace", "0ms"}).code == 0);
  CHECK(ports_of(world) == before);
  CHECK(world.run({"stop", "--grace", "0ms"}).code == 0);
  CHECK_FALSE(world.document({"ps"})["machines"].as_array()->at(0)["ports"].is_array());
  CHECK(world.run({"start"}).code == 0);
  CHECK(ports_of(world) == before);
  world.run({"kill"});
  CHECK(world.run(up).code == 0);
  CHECK(ports_of(world) == before);
  world.run({"down", "--grace", "0ms"});
  CHECK(world.run(up).code == 0);
  CHECK(ports_of(world).count("old") == 1);
}

TEST_CASE("a port that somebody has taken meanwhile is replaced, with a warning") {
  const Vmfleet world;
  world.run(up_with("marker", {"--forward", "ssh:22"}));
  const int before = ports_of(world)["ssh"];
  world.run({"stop", "--grace", "0ms"});
  const UniqueFd squatter = listen_on(before);
  const auto start = world.run({"start", "--progress", "plain"});
  CHECK(start.code == 0);
  CHECK_THAT(start.err, ContainsSubstring("warning: vm-0: host port " + std::to_string(before)));
  CHECK_THAT(start.err, ContainsSubstring("is taken by process " + std::to_string(::getpid())));
  CHECK(ports_of(world)["ssh"] != before);
}

TEST_CASE("a fixed port that another machine has is a conflict that names it") {
  const Vmfleet world;
  world.run(up_with("marker", {"-p", "one", "--forward", "ssh:22"}));
  const auto one = world.document({"port", "vm-0", "-p", "one"});
  const std::string port = std::to_string(ports_in(one)["ssh"]);
  const auto ran = world.run(up_with("marker", {"-p", "two", "--forward", "w:" + port + ":80"}));
  CHECK(ran.code == 5);
  CHECK_THAT(ran.err, ContainsSubstring("host port " + port + "/tcp"));
  CHECK_THAT(ran.err, ContainsSubstring("is taken by vm-0 of fleet one (process "));
  CHECK_THAT(ran.err, ContainsSubstring("Could not set up host forwarding rule"));
}

TEST_CASE("a guest that nothing can be seen of is warned of") {
  const Vmfleet world;
  const auto ran = world.shell(
      "mkdir lab && cd lab && cat >vmfleet.toml <<END\n"
      "[machine.dark]\naccel = \"tcg\"\nmemory = \"32M\"\nnet = []\n"
      "kernel = \"$VMFLEET_TESTKIT_DIR/marker.elf\"\nappend_defaults = false\nstop.grace = "
      "\"0s\"\nEND\n"
      "vmfleet up --progress plain 2>&1 | grep warning: \n"
      "echo 'append = [\"console=ttyS0\"]' >>vmfleet.toml\n"
      "vmfleet up --recreate --progress plain 2>&1 | grep -c warning:");
  CHECK_THAT(ran.out, ContainsSubstring("warning: dark: no network, no readiness"));
  CHECK_THAT(ran.out, ContainsSubstring("\n0\n"));
}

TEST_CASE("inspect shows each network interface") {
  const Vmfleet world;
  const auto ran = world.shell(
      "mkdir lab && cd lab && cat >vmfleet.toml <<END\n"
      "[machine.a]\naccel = \"tcg\"\nmemory = \"32M\"\n"
      "kernel = \"$VMFLEET_TESTKIT_DIR/marker.elf\"\n"
      "net = [{}, { type = \"lan\", lan = \"blue\", address = \"192.168.5.1/24\" }]\nEND\n"
      "vmfleet up --progress none >/dev/null; vmfleet inspect --json");
  const auto document = json::parse(ran.out);
  REQUIRE(document.ok());
  const json::Value& machine = (*document)["machines"].as_array()->at(0);
  const auto& nets = *machine["network"]["interfaces"].as_array();
  REQUIRE(nets.size() == 2);
  CHECK(nets[0].text("type") == "user");
  CHECK(nets[1].text("lan") == "blue");
  CHECK(nets[1].text("address") == "192.168.5.1/24");
  CHECK(nets[1].text("type") == "lan");
  CHECK_THAT(std::string(nets[1].text("mcast")), ContainsSubstring("239."));
  CHECK(nets[0].text("mac") != nets[1].text("mac"));
}

TEST_CASE("a class that is put before one that runs gets another address on their LAN") {
  const Vmfleet world;
  const auto ran = world.shell(
      "mkdir lab && cd lab && cat >head <<END\n"
      "fleet = \"lab\"\n[defaults]\naccel = \"tcg\"\nmemory = \"32M\"\n"
      "kernel = \"$VMFLEET_TESTKIT_DIR/marker.elf\"\n"
      "net = [{ type = \"lan\", lan = \"blue\" }]\nEND\n"
      "(cat head; echo '[machine.db]') >vmfleet.toml; vmfleet up --progress none >/dev/null\n"
      "(cat head; echo '[machine.a]'; echo '[machine.db]') >vmfleet.toml\n"
      "vmfleet up --progress none >/dev/null && vmfleet inspect --json");
  const auto document = json::parse(ran.out);
  REQUIRE(document.ok());
  const json::Array& machines = *(*document)["machines"].as_array();
  REQUIRE(machines.size() == 2);
  const auto address_of = [](const json::Value& machine) {
    return std::string((*machine["network"]["interfaces"].as_array())[0].text("address"));
  };
  CHECK(address_of(machines[1]) == "10.105.156.1/16");  // its own, which is a's by the names alone
  CHECK(address_of(machines[0]) != address_of(machines[1]));
}

TEST_CASE("a guest is told the host port that its forward gets, in every life the same") {
  const Vmfleet world;
  const Words said = {"--append", "-- port={port:web}.",    "--forward", "web:80",
                      "--ready",  "serial=port={port:web}."};
  REQUIRE(world.run(up_with("say", said)).code == 0);
  const int port = ports_of(world)["web"];
  const std::string line = "port=" + std::to_string(port) + ".";
  CHECK_THAT(world.run({"logs"}).out, ContainsSubstring(line));
  CHECK(world.run(up_with("say", said)).code == 0);  // nothing has changed
  CHECK(world.run({"restart", "--grace", "0ms"}).code == 0);
  CHECK(ports_of(world)["web"] == port);
  CHECK_THAT(world.run({"logs"}).out, ContainsSubstring(line));
}
