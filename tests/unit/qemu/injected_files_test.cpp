// SPDX-License-Identifier: MIT
#include <vmfleet/qemu/injected_files.hpp>

#include "tests/support/catch.hpp"
#include "tests/unit/qemu/arguments.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

using Values = std::vector<std::string>;

MachineConfig with_kernel() {
  MachineConfig config;
  config.kernel = "/boot/vmlinux";
  config.initrd = "/boot/initrd";
  return config;
}

Injection& inject(MachineConfig& config, InjectionWay way, const std::string& path = "") {
  Injection& injection = config.injections.emplace_back();
  injection.via = way;
  injection.path = path;
  return injection;
}

CommandLine line_of(const MachineConfig& config) {
  return build_command_line(config, Wires::in_directory("/run/web,0"));
}

}  // namespace

TEST_CASE("placeholders are found, and other braces are not") {
  REQUIRE(tool_placeholders("{disk:root} {source}{path}") == Values{"disk:root", "source", "path"});
  REQUIRE(tool_placeholders("--file={initrd}") == Values{"initrd"});
  REQUIRE(tool_placeholders("{disk:}") == Values{"disk:"});
  for (const char* other : {"", "{", "{}", "{ print }", R"({"a": 1})", "{A}", "{disk:a b}", "{a",
                            "{a:", "${HOME}x{1..3}", "${source}"}) {
    INFO(other);
    REQUIRE(tool_placeholders(other).empty());
  }
}

TEST_CASE("every machine is offered random bytes, in a file") {
  REQUIRE(values_of(line_of(MachineConfig()), "-fw_cfg") ==
          Values{"name=opt/vmfleet/entropy,file=/run/web,,0/entropy"});
  MachineConfig config;
  config.rng = false;
  REQUIRE(values_of(line_of(config), "-fw_cfg").empty());
  config = MachineConfig();
  config.fw_cfg.resize(1);
  config.fw_cfg[0].name = "opt/vmfleet/entropy";
  config.fw_cfg[0].file = "/own";
  REQUIRE(values_of(line_of(config), "-fw_cfg") == Values{"name=opt/vmfleet/entropy,file=/own"});
  config = MachineConfig();
  config.arch = Arch::aarch64;
  config.machine = "sbsa-ref";
  REQUIRE_FALSE(offers_entropy(config));
}

TEST_CASE("a text never reaches the arguments") {
  MachineConfig config = with_kernel();
  for (const InjectionWay way : {InjectionWay::initrd, InjectionWay::fw_cfg,
                                 InjectionWay::credential, InjectionWay::cloud_init}) {
    inject(config, way, "/a").text = "secret";
  }
  const CommandLine line = line_of(config);
  REQUIRE(line.to_shell().find("secret") == std::string::npos);
  REQUIRE(values_of(line, "-fw_cfg")[0] == "name=opt//a,file=/run/web,,0/inject1");
  REQUIRE(value_of(line, "-smbios") == "type=11,path=/run/web,,0/inject2");
}

TEST_CASE("a firmware file is its source itself") {
  MachineConfig config;
  config.rng = false;
  inject(config, InjectionWay::fw_cfg, "a").source = "/x,y";
  inject(config, InjectionWay::fw_cfg, "opt/b").source = "/z";
  REQUIRE(values_of(line_of(config), "-fw_cfg") ==
          Values{"name=opt/a,file=/x,,y", "name=opt/b,file=/z"});
}

TEST_CASE("a credential is in SMBIOS where the guest finds it, else in the firmware's files") {
  MachineConfig config;
  config.rng = false;
  inject(config, InjectionWay::credential, "token").source = "/t";
  REQUIRE(value_of(line_of(config), "-smbios") == "type=11,path=/run/web,,0/inject0");
  const Values by_fw_cfg{"name=opt/io.systemd.credentials/token,file=/t"};
  config.machine = "microvm";
  REQUIRE(values_of(line_of(config), "-fw_cfg") == by_fw_cfg);
  config.machine = "";
  config.arch = Arch::aarch64;
  REQUIRE(values_of(line_of(config), "-fw_cfg") == by_fw_cfg);
  config.bios = "/edk2.fd";
  REQUIRE(value_of(line_of(config), "-smbios") == "type=11,path=/run/web,,0/inject0");
}

TEST_CASE("what is changed is the machine's own") {
  MachineConfig config = with_kernel();
  REQUIRE(value_of(line_of(config), "-initrd") == "/boot/initrd");
  inject(config, InjectionWay::initrd, "/a").text = "";
  REQUIRE(value_of(line_of(config), "-initrd") == "/run/web,0/initrd");
  REQUIRE(value_of(line_of(config), "-kernel") == "/boot/vmlinux");
  config.injections.clear();
  inject(config, InjectionWay::tool).command = {"t", "{kernel}"};
  REQUIRE(value_of(line_of(config), "-kernel") == "/run/web,0/kernel");
  REQUIRE(value_of(line_of(config), "-initrd") == "/boot/initrd");
}

TEST_CASE("an initrd may consist of what is injected alone") {
  MachineConfig config = with_kernel();
  config.initrd.clear();
  inject(config, InjectionWay::initrd, "/a").text = "";
  REQUIRE(value_of(line_of(config), "-initrd") == "/run/web,0/initrd");
}

TEST_CASE("cloud-init finds a read-only disk") {
  MachineConfig config;
  inject(config, InjectionWay::cloud_init);
  const CommandLine line = line_of(config);
  const json::Value node = json_of(line, "-blockdev", "node-name", "cidata");
  REQUIRE(node.flag("read-only", false));
  REQUIRE(node["file"].text("filename") == "/run/web,0/cidata.iso");
  REQUIRE(json_of(line, "-device", "drive", "cidata").text("driver") == "virtio-blk-pci");
}

TEST_CASE("a tool's disk is called by its id, or by its number") {
  MachineConfig config;
  config.disks.resize(2);
  config.disks[0].id = "root";
  const Injection root = [] {
    Injection tool;
    tool.via = InjectionWay::tool;
    tool.command = {"t", "a={disk:root}"};
    return tool;
  }();
  REQUIRE(find_disk(config, "root") == 0);
  REQUIRE(find_disk(config, "disk1") == 1);
  REQUIRE(find_disk(config, "disk0") == 2);
  REQUIRE(works_on_disk(config, root, 0));
  REQUIRE_FALSE(works_on_disk(config, root, 1));
}
