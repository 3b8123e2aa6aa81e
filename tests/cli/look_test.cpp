// SPDX-License-Identifier: MIT
// Looking at machines: lists, ports, command lines and facts.
#include <fstream>

#include <vmfleet/testkit/guests.hpp>

#include "tests/cli/program.hpp"
#include "tests/cli/terminal.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using test::count_of;
using test::machine;
using test::Terminal;
using test::up_with;
using test::Vmfleet;

TEST_CASE("ports are found by name and by the guest's number") {
  const Vmfleet world;
  world.run(up_with("marker", {"--forward", "ssh:22", "--forward", "web:80"}));
  const auto ssh = world.run({"port", "vm-0", "ssh"});
  CHECK(ssh.code == 0);
  CHECK(ssh.out.rfind("127.0.0.1:", 0) == 0);
  CHECK(world.run({"port", "vm-0", "22"}).out == ssh.out);
  CHECK(count_of(world.run({"port", "vm-0"}).out, "\n") == 3);
  CHECK(world.document({"port", "vm-0"})["ports"].as_array()->size() == 2);
  const auto missing = world.run({"port", "vm-0", "ftp"});
  CHECK(missing.code == 2);
  CHECK_THAT(missing.err, ContainsSubstring("ssh, web"));
}

TEST_CASE("a machine tells its command line, its facts, and answers QMP") {
  const Vmfleet world;
  world.run(up_with("marker"));
  CHECK_THAT(world.run({"cmdline", "vm-0"}).out, ContainsSubstring("marker.elf"));
  const auto argv = world.document({"cmdline", "vm-0"});
  CHECK(argv["argv"].as_array()->size() > 10);
  const auto inspect = world.document({"inspect", "vm-0"});
  CHECK(inspect.text("schema") == "vmfleet.inspect/1");
  CHECK(machine(inspect, 0)["argv"] == argv["argv"]);
  CHECK_THAT(world.run({"inspect", "vm-0"}).out, ContainsSubstring("state: ready\n"));
  CHECK(machine(inspect, 0)["config"].text("arch") == "x86_64");
  const auto network = world.document({"inspect", "vm-0", "--network"});
  CHECK(machine(network, 0)["network"]["interfaces"].as_array()->at(0).text("type") == "user");
  CHECK(machine(network, 0)["argv"].is_null());
  CHECK_THAT(world.run({"inspect", "vm-0", "--device"}).out, ContainsSubstring("virtio-rng-pci"));
  const auto raw = world.document({"inspect", "vm-0", "--raw"});
  CHECK(machine(raw, 0)["raw"]["intent.json"].text("schema") == "vmfleet.intent/1");
  const auto status = world.document({"qmp", "vm-0", "query-status"});
  CHECK(status["return"].text("status") == "running");
  CHECK(world.run({"qmp", "vm-0", "nosuch"}).code == 1);
}

TEST_CASE("machines are listed by label, and as they change") {
  const Vmfleet world;
  const std::string keys = "accel = \"tcg\"\nmemory = \"32M\"\nkernel = \"" +
                           testkit::guest_path("marker").string() + "\"\n";
  std::ofstream(world.folder() / "vmfleet.toml")
      << "fleet = \"lab\"\n[defaults]\n"
      << keys << "[machine.web]\ncount = 2\n"
      << "labels = { role = \"web\", at = \"{index}\" }\n[machine.db]\n";
  CHECK(world.shell("vmfleet up --progress none").code == 0);
  CHECK(world.run({"ps", "-p", "lab", "-q", "-l", "role=web"}).out == "web-0\nweb-1\n");
  CHECK(world.run({"ps", "-p", "lab", "-q", "-l", "!role"}).out == "db\n");
  const auto one = world.document({"ps", "-p", "lab", "-l", "role=web,at=1"});
  CHECK(one["machines"].as_array()->size() == 1);
  CHECK(machine(one, 0)["labels"].text("at") == "1");
  CHECK(world.run({"ps", "-p", "lab", "-l", "=web"}).code == 2);

  Terminal watch(world, {"ps", "-p", "lab", "-w", "web-*"});
  watch.wait_for("web-1  running");
  world.run({"kill", "-p", "lab", "web-0"});
  watch.wait_for("web-0  stopped");
  world.run({"rm", "-p", "lab", "web-0"});
  watch.wait_for("web-0  removed");
  watch.type("\x03");
  CHECK(watch.wait() == 130);
}
