// SPDX-License-Identifier: MIT
#include <vmfleet/fleet/fleet_spec.hpp>

#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/fleet/spec_text.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

constexpr const char* kEverything = R"(
fleet = "demo"
[defaults]
memory = "256M"

[machine.web]
count = 4
arch = "x86_64"
qemu = ""
accel = "auto"
machine = "q35"
cpu = "max"
cpus = 1
memory = "1G"
kernel = "bzImage"
initrd = "initrd.img"
append = ["console=ttyS0"]
labels = { role = "web" }
qemu_args = []
paused = false
gdb = ""
exit_codes = { 31 = "success" }
restart = "no"
stop.grace = "10s"
log.limit = "64M"

[[machine.web.disk]]
file = "root.qcow2"
mode = "overlay"
[[machine.web.net]]
type = "user"
forward = ["ssh:22", "web:8080:80"]
mac = ""
[[machine.web.share]]
type = "9p"
path = "src"
tag = "src"
mode = "rw"
[[machine.web.inject]]
via = "fw_cfg"
path = "vmfleet/token"
source = "token"
[machine.web.ssh]
user = "root"
key = "auto"
[machine.web.ready]
serial = "login:"
timeout = "60s"
fail = ["Kernel panic"]
)";

std::string without(std::string text, const std::string& part) {
  return text.erase(text.find(part), part.size());
}

}  // namespace

TEST_CASE("a fleet file with every key becomes machines") {
  // Four machines cannot have one host port.
  const FleetSpec fleet = parse_toml(without(kEverything, ", \"web:8080:80\""));
  REQUIRE(fleet.name == "demo");
  REQUIRE(fleet.directory == "/fleets/demo");
  REQUIRE(fleet.machines.size() == 4);
  const MachineSpec& machine = fleet.machines[3];
  REQUIRE(machine.config.name == "web-3");
  REQUIRE(machine.config.fleet == "demo");
  REQUIRE(machine.machine_class == "web");
  REQUIRE(machine.index == 3);
  REQUIRE(machine.config.memory == Bytes::gibi(1));
  REQUIRE(machine.config.machine == "q35");
  REQUIRE(machine.config.kernel == "/fleets/demo/bzImage");
  REQUIRE(machine.config.initrd == "/fleets/demo/initrd.img");
  REQUIRE(machine.config.append == std::vector<std::string>{"console=ttyS0"});
  REQUIRE(machine.config.exit_codes.at(31) == "success");
  REQUIRE(machine.config.debug_exit);
  REQUIRE(machine.labels.at("role") == "web");
  REQUIRE(*machine.stop_grace == Milliseconds(10'000));
  REQUIRE(*machine.log_limit == Bytes::mebi(64));
  REQUIRE(machine.config.disks.at(0).file == "/fleets/demo/root.qcow2");
  REQUIRE(machine.config.disks[0].format == DiskFormat::qcow2);
  REQUIRE(machine.config.nets.at(0).forwards.at(0) == *parse_forward("ssh:22"));
  REQUIRE(machine.config.shares.at(0).writable);
  REQUIRE(machine.config.injections.at(0).path == "vmfleet/token");
  REQUIRE(machine.config.injections[0].source == "/fleets/demo/token");
  REQUIRE(machine.ssh->user == "root");
  REQUIRE(machine.ready.serial == std::vector<std::string>{"login:"});
  REQUIRE(machine.ready.timeout == Milliseconds(60'000));
  REQUIRE(*machine.ready.fail == std::vector<std::string>{"Kernel panic"});
}

TEST_CASE("the smallest fleet file is one machine with an image") {
  const FleetSpec fleet = parse_toml("[machine.web]\nimage = \"tiny\"\n");
  REQUIRE(fleet.name == "demo");
  REQUIRE(fleet.machines.size() == 1);
  REQUIRE(fleet.machines[0].config.name == "web");
  REQUIRE(fleet.machines[0].image == "tiny");
  REQUIRE(fleet.machines[0].config.memory == Bytes::mebi(256));
  REQUIRE(fleet.machines[0].ready.empty());
}

TEST_CASE("a counted class has numbered machines, also when the count is one") {
  REQUIRE(parse_machine("count = 1").config.name == "web-0");
  const FleetSpec fleet = parse_toml("[machine.b]\ncount=2\nimage='x'\n[machine.a]\nimage='x'\n");
  std::vector<std::string> names;
  for (const auto& machine : fleet.machines) names.push_back(machine.config.name);
  REQUIRE(names == std::vector<std::string>{"b-0", "b-1", "a"});  // the file's order
}

TEST_CASE("a given number replaces the count of the only class") {
  SpecOptions options;
  options.count = 3;
  REQUIRE(parse_toml("[machine.a]\ncount=8\nimage='x'\n", options).machines.size() == 3);
  REQUIRE(parse_toml("[machine.a]\nimage='x'\n", options).machines[0].config.name == "a-0");
  const auto problems =
      problems_of([&] { parse_toml("[machine.a]\nimage='x'\n[machine.b]\nimage='x'\n", options); });
  REQUIRE(problems.size() == 1);
  REQUIRE_THAT(problems[0], ContainsSubstring("several classes"));
}

TEST_CASE("a number of machines is between one and what one fleet can hold") {
  for (const std::size_t count : {std::size_t{0}, std::size_t{10000}, SIZE_MAX}) {
    SpecOptions options;
    options.count = count;
    const auto problems = problems_of([&] { parse_toml("[machine.a]\nimage='x'\n", options); });
    REQUIRE(problems.size() == 1);
    REQUIRE_THAT(problems[0], ContainsSubstring("-n: "));
    REQUIRE_THAT(problems[0], ContainsSubstring("is not in 1..1024"));
  }
  REQUIRE(problems_in_machine("count = 0") == Lines{"3:9: machine.web.count: 0 is not in 1..1024"});
}

TEST_CASE("defaults lie under every machine") {
  const FleetSpec fleet = parse_toml(R"(
[defaults]
memory = "512M"
image = "tiny"
labels = { a = "1", b = "1" }
[machine.x]
labels = { b = "2" }
[machine.y]
memory = "1G"
)");
  REQUIRE(fleet.machines.size() == 2);
  for (const auto& machine : fleet.machines) {
    const bool x = machine.config.name == "x";
    REQUIRE(machine.image == "tiny");
    REQUIRE(machine.config.memory == (x ? Bytes::mebi(512) : Bytes::gibi(1)));
    REQUIRE(machine.labels.at("a") == "1");
    REQUIRE(machine.labels.at("b") == (x ? "2" : "1"));
  }
}

TEST_CASE("a fleet without a name is called after its folder") {
  const auto name_in = [](const char* origin) {
    return FleetSpec::parse("[machine.a]\nimage='x'\n", origin).name;
  };
  REQUIRE(name_in("/srv/shop/vmfleet.toml") == "shop");
  REQUIRE(name_in("/srv/my shop!/vmfleet.toml") == "my-shop-");
  REQUIRE(name_in("/srv/.hidden/vmfleet.toml") == "hidden");
  REQUIRE(name_in("/vmfleet.toml") == "fleet");
  SpecOptions options;
  options.fleet = "other";
  REQUIRE(parse_toml("fleet = 'demo'\n[machine.a]\nimage='x'\n", options).name == "other");
}

TEST_CASE("a machine has a user network unless it says otherwise") {
  REQUIRE(parse_machine("").config.nets.at(0).forwards.at(0) == *parse_forward("ssh:22"));
  REQUIRE(parse_machine("net = []").config.nets.empty());
  const FleetSpec bare = parse_toml("[machine.a]\nkernel='/k'\n");
  REQUIRE(bare.machines[0].config.nets.at(0).forwards.empty());
  const FleetSpec ssh = parse_toml("[machine.a]\nkernel='/k'\nready.ssh=true\n");
  REQUIRE(ssh.machines[0].config.nets.at(0).forwards.at(0).name == "ssh");
}

TEST_CASE("paths of a file start where the file is") {
  const FleetSpec fleet = parse_toml(R"(
[machine.a]
kernel = "../k/./vmlinux"
initrd = "/abs/initrd"
qemu = "bin/qemu"
[machine.b]
kernel = "k"
qemu = "qemu-custom"
)");
  for (const auto& machine : fleet.machines) {
    if (machine.config.name == "a") {
      REQUIRE(machine.config.kernel == "/fleets/k/vmlinux");
      REQUIRE(machine.config.initrd == "/abs/initrd");
      REQUIRE(machine.config.qemu == "/fleets/demo/bin/qemu");
    } else {
      REQUIRE(machine.config.qemu == "qemu-custom");
    }
  }
}

TEST_CASE("the hash follows what a running machine cannot change, and nothing else") {
  const std::string hash = parse_machine("").hash;
  REQUIRE_FALSE(hash.empty());
  REQUIRE(parse_machine("").hash == hash);
  REQUIRE(parse_machine("ready.serial = 'x'").hash == hash);
  REQUIRE(parse_machine("labels = { a = 'b' }").hash == hash);
  REQUIRE(parse_machine("stop.grace = '1s'").hash == hash);
  REQUIRE(parse_machine("memory = '512M'").hash != hash);
  REQUIRE(parse_machine("append = ['x']").hash != hash);
  REQUIRE(parse_toml("[machine.web]\nimage='other'\n").machines[0].hash != hash);
  const FleetSpec two = parse_toml("[machine.web]\nimage='x'\ncount=2\n");
  REQUIRE(two.machines[0].hash != two.machines[1].hash);
}

TEST_CASE("logs have a limit unless it is taken away") {
  REQUIRE(parse_machine("").log_limit == Bytes::mebi(64));
  REQUIRE(parse_machine("log.limit = '64K'").log_limit == Bytes(64 << 10));
  REQUIRE_FALSE(parse_machine("log.limit = 'none'").log_limit.has_value());
}

TEST_CASE("the resolved fleet is written as JSON") {
  const json::Value text = describe(parse_toml(without(kEverything, ", \"web:8080:80\"")));
  REQUIRE(text.text("fleet") == "demo");
  const json::Value& machine = text["machines"].as_array()->at(0);
  REQUIRE(machine.text("name") == "web-0");
  REQUIRE(machine.text("kernel") == "/fleets/demo/bzImage");
  REQUIRE(machine["ready"].text("timeout") == "60000ms");
  REQUIRE(machine["labels"].text("role") == "web");
}

TEST_CASE("a file is read by its extension, and a missing one says what to do") {
  std::string pattern = (std::filesystem::temp_directory_path() / "vmfleet-spec-XXXXXX").string();
  const std::filesystem::path folder = ::mkdtemp(pattern.data());
  std::ofstream(folder / "a.toml") << "[machine.a]\nimage='x'\n";
  std::ofstream(folder / "a.json") << R"({"machine": {"a": {"image": "x"}}})";
  REQUIRE(FleetSpec::load(folder / "a.toml").machines.size() == 1);
  REQUIRE(FleetSpec::load(folder / "a.json").machines.size() == 1);
  std::ofstream(folder / "empty.toml").close();
  REQUIRE_THROWS_AS(FleetSpec::load(folder / "empty.toml"), Error);
  for (const auto& path : {folder / "none.toml", folder}) {
    try {
      FleetSpec::load(path);
      FAIL("was read");
    } catch (const Error& error) {
      REQUIRE(error.kind() == (path == folder ? ErrorKind::unavailable : ErrorKind::not_found));
      REQUIRE_FALSE(error.hint().empty());
    }
  }
  std::filesystem::remove_all(folder);
}

TEST_CASE("the name of a fleet is read from a file with errors as far as it goes") {
  const test::TempDir folder;
  const auto path = folder / "vmfleet.toml";
  const auto name_in = [&](const std::string& text) {
    std::ofstream(path) << text;
    return FleetName::load(path);
  };
  CHECK(name_in("fleet = 'demo'\n[machine.a]\nimage='x'\n").name == "demo");
  CHECK_FALSE(name_in("fleet = 'demo'\n[machine.a]\nimage='x'\n").errors);
  for (const char* rest : {"[machine.a]\nimage=\n", "[machine.a]\nmemroy='1G'\n", "x\n", ""}) {
    const FleetName found = name_in(std::string("y\n  fleet = \"demo\" # ours\n") + rest);
    CHECK(found.name == "demo");
    CHECK(found.errors);
  }
  const auto name_of_folder = FleetSpec::parse("[machine.a]\nimage='x'\n", path).name;
  for (const char* text : {"fleet = 'de\n", "fleet = 5\n", "[x]\nfleet = 'demo'\n"}) {
    CHECK(name_in(text).name == name_of_folder);
  }
  const FleetName placed = name_in(
      "fleet = 'demo'\n[machine.a]\ngdb = 'unix:{dir}/gdb.sock'\nkernel = '{dir}/k'\n"
      "disk = [{ file = '{dir}/d', format = 'raw' }]\nshare = [{ path = '{dir}/s', tag = 't' }]\n"
      "inject = [{ via = 'fw_cfg', path = 'opt/x', source = '{dir}/i' }]\n");
  INFO((placed.errors ? placed.errors->what() : "no errors"));
  CHECK(placed.name == "demo");
  CHECK_FALSE(placed.errors);
  CHECK_THROWS_AS(name_in("fleet = 'a b'\n"), Error);
  CHECK_THROWS_AS(FleetName::load(folder / "none.toml"), Error);
}

TEST_CASE("a machine that can be logged in to says who may") {
  const auto ssh_of = [](const std::string& keys) {
    return parse_toml("[machine.web]\n" + keys).machines.at(0).ssh;
  };
  REQUIRE_FALSE(ssh_of("kernel = 'k'"));
  REQUIRE_FALSE(ssh_of("image = 'tiny'")->asked);
  REQUIRE(ssh_of("kernel = 'k'\nready = { ssh = true }")->user == "root");
  const auto asked = ssh_of("kernel = 'k'\nssh = { user = 'ada', key = 'id' }");
  REQUIRE(asked->asked);
  REQUIRE(asked->user == "ada");
  REQUIRE(asked->key == "/fleets/demo/id");
  REQUIRE(problems_in_machine("ssh = { user = '', key = '' }").size() == 2);
  const auto hash_of = [](const std::string& keys) { return parse_machine(keys).hash; };
  REQUIRE(hash_of("ssh = { user = 'ada' }") != hash_of("ssh = { user = 'grace' }"));
}

TEST_CASE("a class of machines is cloned, cloned whatever its clones have in common, or booted") {
  const auto cloned = [](const std::string& word) {
    const std::string file = "[machine.web]\nkernel = \"/k\"\ntemplate = \"" + word + "\"\n";
    return FleetSpec::parse(file, "/fleets/demo/vmfleet.toml").machines.at(0).clone;
  };
  CHECK(cloned("none") == Cloned::no);
  CHECK(cloned("auto") == Cloned::yes);
  CHECK(cloned("identical") == Cloned::identical);
  CHECK_THROWS_AS(cloned("always"), Error);
}
