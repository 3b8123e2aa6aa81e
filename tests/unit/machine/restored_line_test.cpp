// SPDX-License-Identifier: MIT
#include "machine/restored_line.hpp"

#include <algorithm>

#include <vmfleet/qemu/command_line.hpp>
#include <vmfleet/qemu/wires.hpp>

#include "machine/launch_facts.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;

namespace {

/// Two user networks with a forward each, and a LAN between them.
MachineConfig machine() {
  MachineConfig config;
  config.fleet = "demo";
  config.name = "web-0";
  config.uuid = "9c2b8f0e-0000-4000-8000-000000000000";
  config.nets.resize(3);
  config.nets[0].forwards.emplace_back("ssh", 22);
  config.nets[1].type = NetType::lan;
  config.nets[1].lan = "blue";
  config.nets[2].forwards.emplace_back("dns", 53);
  config.nets[2].forwards[0].protocol = Protocol::udp;
  config.nets[2].forwards[0].host_port = 5353;
  return config;
}

Intent intent_of(const MachineConfig& config) {
  Intent intent;
  intent.fleet = config.fleet;
  intent.name = config.name;
  intent.uuid = config.uuid;
  intent.argv = build_command_line(config, Wires::in_directory("/state/demo/web-0")).argv;
  intent.forwards = forwards_to_json(config);
  return intent;
}

bool has(const std::vector<std::string>& argv, const std::string& part) {
  return std::any_of(argv.begin(), argv.end(),
                     [&](const std::string& word) { return word.find(part) != std::string::npos; });
}

}  // namespace

TEST_CASE("a command line tells the forwards of each network by their names") {
  const MachineConfig config = config_of_line(intent_of(machine()));
  REQUIRE(config.nets.size() == 3);
  CHECK(config.nets[0].forwards == machine().nets[0].forwards);
  CHECK(config.nets[1].forwards.empty());
  CHECK(config.nets[2].forwards == machine().nets[2].forwards);
  CHECK_FALSE(config.identity_port);
  CHECK(config.uuid == machine().uuid);
}

TEST_CASE("a machine is restored with other ports, and waits for what was saved") {
  const Intent intent = intent_of(machine());
  MachineConfig config = config_of_line(intent);
  config.nets[0].forwards[0].host_port = 2222;
  config.nets[2].forwards.clear();
  const auto line = line_to_restore(intent.argv, config);
  CHECK(has(line, "tcp:127.0.0.1:2222-:22"));
  CHECK_FALSE(has(line, "5353"));
  CHECK(std::vector<std::string>(line.end() - 2, line.end()) ==
        std::vector<std::string>{"-incoming", "defer"});
  CHECK(line_to_restore(line, config) == line);
  CHECK(differences(intent.argv, line).empty());
}

TEST_CASE("a memory that was mapped from a template is an ordinary one of the same name") {
  MachineConfig clone = machine();
  clone.incoming = true;
  clone.identity_port = true;
  clone.agent = true;
  clone.memory_file.emplace();
  clone.memory_file->path = "/cache/templates/k/memory";
  const Intent intent = intent_of(clone);
  const MachineConfig config = config_of_line(intent);
  CHECK(config.identity_port);
  const auto line = line_to_restore(intent.argv, config);
  CHECK_FALSE(has(line, "/cache"));
  CHECK(has(line, "memory-backend-ram"));
  CHECK(std::count(line.begin(), line.end(), "-incoming") == 1);
  CHECK(differences(intent.argv, line).empty());
}

TEST_CASE("the files that a machine is started with are known") {
  MachineConfig config = machine();
  config.kernel = "/boot/vm,linuz";
  config.initrd = "/boot/initrd";
  config.disks.emplace_back("/images/a.iso");
  config.disks[0].mode = DiskMode::read_only;
  config.fw_cfg.emplace_back();
  config.fw_cfg[0].name = "opt/x";
  config.fw_cfg[0].file = "/etc/a,b";
  const auto files = files_of_line(intent_of(config).argv);
  for (const char* file : {"/boot/vm,linuz", "/boot/initrd", "/images/a.iso", "/etc/a,b"}) {
    INFO(file);
    CHECK(std::count(files.begin(), files.end(), file) == 1);
  }
  CHECK(files_of_line({"qemu", "-bios", "qboot.rom"}).empty());
}

TEST_CASE("what makes another machine is told") {
  const auto before = intent_of(machine()).argv;
  MachineConfig other = machine();
  other.memory = Bytes::mebi(300);
  other.nets[0].forwards[0].host_port = 1;
  const auto lines = differences(before, intent_of(other).argv);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].rfind("it had -m ", 0) == 0);
  CHECK(lines[1] == "it has -m 300M");
}
