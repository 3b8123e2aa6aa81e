// SPDX-License-Identifier: MIT
#include <vmfleet/qemu/validate.hpp>

#include "tests/support/catch.hpp"

using namespace vmfleet;

namespace {

MachineConfig good() {
  MachineConfig config;
  config.name = "web-0";
  config.fleet = "demo";
  config.kernel = "/boot/vmlinux";
  return config;
}

/// The keys that are complained about, in order.
std::vector<std::string> keys(const MachineConfig& config) {
  std::vector<std::string> found;
  for (const auto& problem : find_problems(config)) found.push_back(problem.key);
  return found;
}

using Keys = std::vector<std::string>;

}  // namespace

TEST_CASE("a sound machine has no problems") {
  REQUIRE(keys(good()).empty());
  REQUIRE(validate(good()).empty());
}

TEST_CASE("a name is fit for a folder and a host name") {
  for (const char* name : {"a", "web-0", "A.b_c-9", "0"}) REQUIRE(is_valid_name(name));
  REQUIRE(is_valid_name(std::string(63, 'a')));
  REQUIRE_FALSE(is_valid_name(std::string(64, 'a')));
  for (const char* name :
       {"", ".", "..", "../x", "a/b", "-a", "_a", ".a", "a b", "a\n", "\xc3\xbc"}) {
    INFO(name);
    REQUIRE_FALSE(is_valid_name(name));
    MachineConfig config = good();
    config.name = name;
    REQUIRE(keys(config) == Keys{"name"});
  }
  REQUIRE_FALSE(is_valid_name(std::string_view("a\0b", 3)));
}

TEST_CASE("all problems are reported at once, each with its key and machine") {
  MachineConfig config = good();
  config.fleet = "a/b";
  config.cpus = 0;
  config.memory = Bytes(4096);
  config.initrd = "initrd";
  REQUIRE(keys(config) == Keys{"fleet", "cpus", "memory", "initrd"});
  const auto errors = validate(config);
  REQUIRE(errors.size() == 4);
  REQUIRE(errors[0].kind() == ErrorKind::invalid_config);
  REQUIRE(errors[1].message() == "machine web-0: cpus: 0 is not in 1..1024");
  REQUIRE_THAT(errors[2].hint(), ContainsSubstring("256M"));
}

TEST_CASE("a machine type fits its architecture and has virtio devices") {
  MachineConfig config = good();
  for (const char* type : {"", "q35", "pc", "microvm", "pc-q35-7.2", "q35,smm=off"}) {
    config.machine = type;
    REQUIRE(keys(config).empty());
  }
  for (const char* type : {"isapc", "none", "virt", "q35 x", ",", "q35,a=\"b\""}) {
    INFO(type);
    config.machine = type;
    REQUIRE(keys(config) == Keys{"machine"});
  }
  config.arch = Arch::aarch64;
  config.machine = "q35";
  REQUIRE(keys(config) == Keys{"machine"});
  config.machine = "virt,gic-version=2";
  REQUIRE(keys(config).empty());
}

TEST_CASE("the host's CPU model needs KVM") {
  MachineConfig config = good();
  config.cpu = "host,-vmx";
  config.accel = Accelerator::tcg;
  REQUIRE(keys(config) == Keys{"cpu"});
  config.accel = Accelerator::kvm;
  REQUIRE(keys(config).empty());
}

TEST_CASE("an initrd and kernel arguments need a kernel") {
  MachineConfig config = good();
  config.kernel.clear();
  config.initrd = "/i";
  config.append = {"quiet"};
  REQUIRE(keys(config) == Keys{"initrd", "append"});
}

TEST_CASE("paths are absolute and made of bytes that arrive unchanged") {
  MachineConfig config = good();
  config.kernel = "vmlinux";
  REQUIRE(keys(config) == Keys{"kernel"});
  config.kernel = "/a\xff";
  REQUIRE(keys(config) == Keys{"kernel"});
  config.kernel = std::string("/a\0b", 4);
  REQUIRE(keys(config) == Keys{"kernel"});
  config.kernel = "/we,ird \"\xc3\xbc\n=";
  REQUIRE(keys(config).empty());
}

TEST_CASE("firmware entries have a short unique name under opt and one content") {
  MachineConfig config = good();
  config.fw_cfg.resize(3);
  config.fw_cfg[0].name = "opt/a";
  config.fw_cfg[0].text = "x";
  config.fw_cfg[1].name = "opt/a";
  config.fw_cfg[1].text = "x";
  config.fw_cfg[2].name = "etc/x";
  REQUIRE(keys(config) == Keys{"fw_cfg[1].name", "fw_cfg[2].name", "fw_cfg[2]"});
}

TEST_CASE("a gdb address is a port, an address with a port, or a socket") {
  MachineConfig config = good();
  for (const char* gdb : {"1234", "127.0.0.1:1234", "unix:/tmp/gdb"}) {
    config.gdb = gdb;
    REQUIRE(keys(config).empty());
  }
  for (const char* gdb : {"tcp::1234", "x", ":1234", "1234,server=on", "99999", "unix:gdb"}) {
    INFO(gdb);
    config.gdb = gdb;
    REQUIRE(keys(config) == Keys{"gdb"});
  }
}

TEST_CASE("text that JSON cannot hold is refused, wherever it stands") {
  MachineConfig config = good();
  config.kernel = "/boot/caf\xe9";
  config.append = {"caf\xe9"};
  config.exit_codes[31] = "caf\xe9";
  config.qemu_args = {"-name", "caf\xe9"};
  REQUIRE(keys(config) == Keys{"kernel", "append[0]", "exit_codes", "qemu_args"});
}

TEST_CASE("the rest of a machine's fields are checked too") {
  MachineConfig config = good();
  config.uuid = "not-a-uuid";
  config.arch = Arch::aarch64;
  config.debug_exit = true;
  config.accel = Accelerator::kvm;
  config.exit_codes[256] = "x";
  config.qemu_args = {std::string("-a\0", 3)};
  config.memory_file.emplace();
  REQUIRE(keys(config) == Keys{"uuid", "memory_file", "exit_codes", "exit_codes", "qemu_args"});
}

TEST_CASE("kernel arguments are one line with complete quotes") {
  MachineConfig config = good();
  config.append = {"a=\"b c\" d", "e"};
  REQUIRE(keys(config).empty());
  config.append = {"quiet", "a\nb", "c=\"d e", "x\ty", "z\r"};
  REQUIRE(keys(config) == Keys{"append[1]", "append[2]", "append[4]"});
}
