// SPDX-License-Identifier: MIT
#include "tests/support/catch.hpp"
#include "tests/unit/fleet/spec_text.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

TEST_CASE("a disk's format follows its file's name unless it is given") {
  const MachineSpec machine = parse_machine(R"(
disk = [{ file = "a.qcow2" }, { file = "b.img" }, { file = "c.qcow2", format = "raw" }]
)");
  REQUIRE(machine.config.disks[0].format == DiskFormat::qcow2);
  REQUIRE(machine.config.disks[1].format == DiskFormat::raw);
  REQUIRE(machine.config.disks[2].format == DiskFormat::raw);
  REQUIRE(machine.config.disks[0].mode == DiskMode::overlay);
}

TEST_CASE("a disk carries all of its keys") {
  const MachineSpec machine = parse_machine(R"(
[[machine.web.disk]]
file = "/d.img"
mode = "copy"
id = "root"
size = "4G"
pci_address = "0x8"
cache = "none"
aio = "native"
iothread = true
serial = "S1"
)");
  const Disk& disk = machine.config.disks.at(0);
  REQUIRE(disk.mode == DiskMode::copy);
  REQUIRE(disk.id == "root");
  REQUIRE(disk.size == Bytes::gibi(4));
  REQUIRE(disk.pci_address == "0x8");
  REQUIRE(disk.cache == DiskCache::none);
  REQUIRE(disk.aio == DiskAio::native);
  REQUIRE(disk.iothread);
  REQUIRE(disk.serial == "S1");
}

TEST_CASE("a network carries all of its keys") {
  const MachineSpec machine = parse_machine(R"(
[[machine.web.net]]
type = "user"
mac = "52:54:00:00:00:01"
subnet = "10.1.0.0/24"
dhcp_start = "10.1.0.20"
dns = "10.1.0.3"
host = "10.1.0.2"
restrict = true
forward = ["ssh:22", "dns:53/udp"]
[[machine.web.net]]
type = "tap"
interface = "tap0"
up_script = "up.sh"
[[machine.web.net]]
type = "lan"
lan = "blue"
)");
  const auto& nets = machine.config.nets;
  REQUIRE(nets.size() == 3);
  REQUIRE(nets[0].mac == "52:54:00:00:00:01");
  REQUIRE(nets[0].subnet == "10.1.0.0/24");
  REQUIRE(nets[0].dhcp_start == "10.1.0.20");
  REQUIRE(nets[0].dns == "10.1.0.3");
  REQUIRE(nets[0].host == "10.1.0.2");
  REQUIRE(nets[0].restrict_guest);
  REQUIRE(nets[0].forwards.size() == 2);
  REQUIRE(nets[1].interface == "tap0");
  REQUIRE(nets[1].up_script == "/fleets/demo/up.sh");
  REQUIRE(nets[2].lan == "blue");
}

TEST_CASE("problems of devices stand at their own keys") {
  const std::string keys = R"([[machine.web.disk]]
file = "a"
serial = "far too long for a serial number"
[[machine.web.net]]
forward = ["ssh:22",
           "ssh:23",
           "x:y:z"]
type = "tun"
[[machine.web.share]]
type = "vfat"
mode = "rw"
[[machine.web.share]]
mode = "rx"
tag = "t"
)";
  const auto problems = problems_in_machine(keys);
  REQUIRE(problems.size() == 8);
  REQUIRE_THAT(problems[0], ContainsSubstring("5:10: machine.web.disk[0].serial"));
  REQUIRE_THAT(problems[1], ContainsSubstring("8:12: machine.web.net[0].forward[1]"));
  REQUIRE_THAT(problems[2], ContainsSubstring("9:12: machine.web.net[0].forward[2]"));
  REQUIRE_THAT(problems[3], ContainsSubstring("10:8: machine.web.net[0].type"));
  REQUIRE_THAT(problems[4], ContainsSubstring("machine.web.share[0].path: a share needs a path"));
  REQUIRE_THAT(problems[5], ContainsSubstring("13:8: machine.web.share[0].mode"));
  REQUIRE_THAT(problems[6], ContainsSubstring("machine.web.share[1].path"));
  REQUIRE_THAT(problems[7], ContainsSubstring("15:8: machine.web.share[1].mode"));
}

TEST_CASE("a share without a tag has one by its place") {
  const MachineSpec machine = parse_machine(R"(
share = [{ path = "/a" }, { path = "/b", tag = "mine" }, { type = "vfat", path = "/c" }]
)");
  const auto& shares = machine.config.shares;
  REQUIRE(shares.size() == 3);
  REQUIRE(shares[0].tag == "share0");
  REQUIRE(shares[1].tag == "mine");
  REQUIRE(shares[2].tag == "share2");
}

TEST_CASE("an injection carries all of its keys") {
  const MachineSpec machine = parse_machine(R"(
disk = [{ file = "/d.img", id = "root" }]
[[machine.web.inject]]
via = "fw_cfg"
path = "a/b"
source = "x"
[[machine.web.inject]]
via = "credential"
path = "token"
text = ""
[[machine.web.inject]]
via = "initrd"
path = "/etc/motd"
text = "hello {name} { print } {else}"
[[machine.web.inject]]
via = "cloud-init"
[[machine.web.inject]]
via = "tool"
command = ["./put", "{disk:root}", "{source}", "{path}", "{name}"]
path = "/x"
source = "/y"
timeout = "5s"
)");
  const auto& injections = machine.config.injections;
  REQUIRE(injections.size() == 5);
  REQUIRE(injections[0].source == "/fleets/demo/x");
  REQUIRE_FALSE(injections[0].text);
  REQUIRE(injections[1].via == InjectionWay::credential);
  REQUIRE(injections[1].text->empty());
  REQUIRE(*injections[2].text == "hello web { print } {else}");
  REQUIRE(injections[3].via == InjectionWay::cloud_init);
  REQUIRE(injections[4].command ==
          Lines{"/fleets/demo/put", "{disk:root}", "{source}", "{path}", "web"});
  REQUIRE(injections[4].directory == "/fleets/demo");
  REQUIRE(injections[4].timeout == Milliseconds(5'000));
}

TEST_CASE("an injection that cannot be is refused at its own key") {
  const std::string keys = R"(inject = [
  { path = 'x', source = 'x' },
  { via = 'post', path = 'v', text = 'x' },
  { via = 'fw_cfg', source = 'x' },
  { via = 'fw_cfg', path = 'w' },
  { via = 'fw_cfg', path = 'y', source = 'x', text = 'x' },
  { via = 'initrd', path = 'etc/x', text = 'x' },
  { via = 'tool', command = ['x',
    '{dsik:disk0}',
    '{kernel}'] },
])";
  const auto problems = problems_in_machine(keys);
  CAPTURE(problems);
  REQUIRE(problems.size() == 7);
  REQUIRE_THAT(problems[0], ContainsSubstring("4:3: machine.web.inject[0].via: the way into"));
  REQUIRE_THAT(problems[1], ContainsSubstring("5:11: machine.web.inject[1].via"));
  REQUIRE_THAT(problems[2], ContainsSubstring("6:3: machine.web.inject[2].path"));
  REQUIRE_THAT(problems[3], ContainsSubstring("7:3: machine.web.inject[3].source: needs either"));
  REQUIRE_THAT(problems[4], ContainsSubstring("8:54: machine.web.inject[4].text"));
  REQUIRE_THAT(problems[5], ContainsSubstring("9:28: machine.web.inject[5].path"));
  REQUIRE_THAT(problems[6], ContainsSubstring("11:5: machine.web.inject[6].command[1]: unknown"));
}

TEST_CASE("small devices are added and left out, and life's turns chosen") {
  const MachineConfig config = parse_machine(
                                   "balloon = true\nvsock = 77\nrng = false\nagent = false\n"
                                   "bios = 'fw.bin'\non_panic = 'pause'\non_reboot = 'exit'\n")
                                   .config;
  MachineConfig expected = parse_machine("").config;
  expected.attach(Balloon()).attach(Vsock(77));
  expected.rng = expected.agent = false;
  expected.bios = "/fleets/demo/fw.bin";
  expected.on_panic = OnPanic::pause;
  expected.on_reboot = OnReboot::exit;
  REQUIRE(config == expected);
}

TEST_CASE("a vsock address is asked for by number, or derived") {
  const MachineConfig derived = parse_machine("vsock = true").config;
  MachineConfig expected = parse_machine("").config;
  expected.attach(Vsock(derive_cid(expected)));
  REQUIRE(derived == expected);
  REQUIRE(parse_machine("vsock = false").config.devices.empty());
  REQUIRE(problems_in_machine("vsock = 2") ==
          Lines{"3:9: machine.web.vsock: 2 is not in 3..4294967294"});
  REQUIRE(problems_in_machine("on_panic = 'reboot'") ==
          Lines{"3:12: machine.web.on_panic: \"reboot\" is no answer to a panic (one of: exit, "
                "pause)"});
}
