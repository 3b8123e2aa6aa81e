// SPDX-License-Identifier: MIT
#include <vmfleet/qemu/command_line.hpp>

#include "tests/support/catch.hpp"
#include "tests/unit/qemu/arguments.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

TEST_CASE("a machine is closed and paused until the launch says otherwise") {
  const CommandLine line = build_command_line(MachineConfig());
  REQUIRE(line.argv[0] == "qemu-system-x86_64");
  for (const char* flag : {"-nodefaults", "-no-user-config", "-S"}) {
    INFO(flag);
    REQUIRE(has_flag(line, flag));
  }
  REQUIRE(value_of(line, "-sandbox") ==
          "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
  REQUIRE(value_of(line, "-display") == "none");
  REQUIRE(value_of(line, "-vga") == "none");
}

TEST_CASE("the sandbox is left out where QEMU has none") {
  MachineConfig config;
  config.features.sandbox = false;
  REQUIRE_FALSE(has_flag(build_command_line(config), "-sandbox"));
}

TEST_CASE("QEMU starts no process, also for a tap with a script") {
  MachineConfig config;
  config.nets.resize(1);
  config.nets[0].type = NetType::tap;
  config.nets[0].up_script = "/etc/qemu-ifup";
  REQUIRE_THAT(value_of(build_command_line(config), "-sandbox"), ContainsSubstring("spawn=deny"));
}

TEST_CASE("the machine's size and identity are passed on") {
  MachineConfig config;
  config.name = "web-0";
  config.uuid = "12345678-1234-4234-8234-123456789abc";
  config.cpus = 3;
  config.memory = Bytes::mebi(1536);
  const CommandLine line = build_command_line(config);
  REQUIRE(value_of(line, "-name") == "guest=web-0,debug-threads=on");
  REQUIRE(value_of(line, "-uuid") == config.uuid);
  REQUIRE(value_of(line, "-smp") == "3");
  REQUIRE(value_of(line, "-m") == "1536M");
  REQUIRE(value_of(line, "-machine") == "q35");
  REQUIRE(value_of(line, "-cpu") == "max");
}

TEST_CASE("a size in odd bytes keeps its unit") {
  MachineConfig config;
  config.memory = Bytes(1'000'001);
  REQUIRE(value_of(build_command_line(config), "-m") == "1000001B");
}

TEST_CASE("an undecided accelerator is the one that works everywhere") {
  MachineConfig config;
  REQUIRE(value_of(build_command_line(config), "-accel") == "tcg");
  config.accel = Accelerator::kvm;
  REQUIRE(value_of(build_command_line(config), "-accel") == "kvm");
}

TEST_CASE("a kernel boots directly, its arguments joined") {
  MachineConfig config;
  config.kernel = "/boot/vm,linux";
  config.initrd = "/boot/initrd";
  config.append = {"console=ttyS0", "quiet"};
  const CommandLine line = build_command_line(config);
  REQUIRE(value_of(line, "-kernel") == "/boot/vm,linux");
  REQUIRE(value_of(line, "-initrd") == "/boot/initrd");
  REQUIRE(value_of(line, "-append") == "panic=-1 TERM=dumb console=ttyS0 quiet");
}

TEST_CASE("without a kernel its arguments and initrd are left out") {
  MachineConfig config;
  config.initrd = "/boot/initrd";
  config.append = {"quiet"};
  const CommandLine line = build_command_line(config);
  REQUIRE_FALSE(has_flag(line, "-initrd"));
  REQUIRE_FALSE(has_flag(line, "-append"));
}

TEST_CASE("a panic is a failure for one who sees only the exit status") {
  MachineConfig config;
  REQUIRE(value_of(build_command_line(config), "-action") ==
          "reboot=reset,shutdown=poweroff,panic=exit-failure");
  config.on_panic = OnPanic::pause;
  config.on_reboot = OnReboot::exit;
  REQUIRE(value_of(build_command_line(config), "-action") ==
          "reboot=shutdown,shutdown=poweroff,panic=pause");
}

TEST_CASE("another architecture has its own machine, processor and devices") {
  MachineConfig config;
  config.arch = Arch::aarch64;
  config.debug_exit = true;
  const CommandLine line = build_command_line(config);
  REQUIRE(line.argv[0] == "qemu-system-aarch64");
  REQUIRE(value_of(line, "-machine") == "virt,gic-version=3");
  REQUIRE(value_of(line, "-cpu") == "cortex-a53");
  REQUIRE(device(line, "vmgenid").is_null());
  REQUIRE(device(line, "isa-debug-exit").is_null());
  REQUIRE(value_of(line, "-semihosting-config") == "enable=on,target=gdb,userspace=on");
  REQUIRE_FALSE(device(line, "pvpanic-pci").is_null());
  config.accel = Accelerator::kvm;
  REQUIRE(value_of(build_command_line(config), "-machine") == "virt,gic-version=host");
  REQUIRE(value_of(build_command_line(config), "-cpu") == "max");
}

TEST_CASE("memory in a file is the machine's only memory") {
  MachineConfig config;
  config.memory_file.emplace();
  config.memory_file->path = "/dev/shm/a,b";
  config.memory_file->shared = true;
  const CommandLine line = build_command_line(config);
  REQUIRE(value_of(line, "-machine") == "q35,memory-backend=ram0");
  const json::Value file = json_of(line, "-object", "id", "ram0");
  REQUIRE(file.text("mem-path") == "/dev/shm/a,b");
  REQUIRE(file.flag("share", false));
  REQUIRE(file.integer("size", 0) == 256 << 20);
}

TEST_CASE("a gdb stub listens on loopback unless an address is given") {
  MachineConfig config;
  config.gdb = "1234";
  REQUIRE(value_of(build_command_line(config), "-gdb") == "tcp:127.0.0.1:1234");
  config.gdb = "10.0.0.1:1234";
  REQUIRE(value_of(build_command_line(config), "-gdb") == "tcp:10.0.0.1:1234");
  config.gdb = "unix:/tmp/a,b";
  REQUIRE(value_of(build_command_line(config), "-gdb") == "unix:/tmp/a,,b,server=on,wait=off");
}

TEST_CASE("the user's own arguments come last and unchanged") {
  MachineConfig config;
  config.qemu_args = {"-device", "edu,dma_mask=0x1", "-no-hpet"};
  const CommandLine line = build_command_line(config);
  const std::vector<std::string> tail(line.argv.end() - 3, line.argv.end());
  REQUIRE(tail == config.qemu_args);
}

TEST_CASE("the text form has each option on its own line and survives a shell") {
  MachineConfig config;
  config.kernel = "/boot/it's here";
  const CommandLine line = build_command_line(config);
  REQUIRE_THAT(line.to_text(), ContainsSubstring(" \\\n  -kernel '/boot/it'\\''s here' \\\n"));
  REQUIRE(line.to_shell().find('\n') == std::string::npos);
  REQUIRE(line.to_shell().rfind("qemu-system-x86_64 -name ", 0) == 0);
}

TEST_CASE("the same configuration always gives the same command line") {
  MachineConfig config;
  config.name = "a";
  config.nets.resize(2);
  REQUIRE(build_command_line(config).argv == build_command_line(config).argv);
}
