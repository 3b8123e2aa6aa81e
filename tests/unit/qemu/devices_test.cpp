// SPDX-License-Identifier: MIT
// Disks, networks, shares and small devices on the command line.
#include <vmfleet/qemu/disk.hpp>
#include <vmfleet/qemu/share.hpp>

#include "tests/support/catch.hpp"
#include "tests/unit/qemu/arguments.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

MachineConfig with_disk(DiskMode mode, DiskFormat format = DiskFormat::raw) {
  MachineConfig config;
  config.disks.emplace_back("/images/root,1.img");
  config.disks[0].mode = mode;
  config.disks[0].format = format;
  return config;
}

json::Value node(const MachineConfig& config) {
  return json_of(build_command_line(config, Wires::in_directory("/run/x")), "-blockdev",
                 "node-name", "node0");
}

}  // namespace

TEST_CASE("a disk used directly is opened where it is") {
  const json::Value disk = node(with_disk(DiskMode::direct, DiskFormat::qcow2));
  REQUIRE(disk.text("driver") == "qcow2");
  REQUIRE(disk["file"].text("driver") == "file");
  REQUIRE(disk["file"].text("filename") == "/images/root,1.img");
  REQUIRE_FALSE(disk.flag("read-only", false));
}

TEST_CASE("a read-only disk is read-only at every level") {
  const json::Value disk = node(with_disk(DiskMode::read_only));
  REQUIRE(disk.flag("read-only", false));
  REQUIRE(disk["file"].flag("read-only", false));
}

TEST_CASE("a staged disk is a file of the instance") {
  REQUIRE(node(with_disk(DiskMode::overlay))["file"].text("filename") == "/run/x/disk0.qcow2");
  REQUIRE(node(with_disk(DiskMode::overlay)).text("driver") == "qcow2");
  REQUIRE(node(with_disk(DiskMode::snapshot)).text("driver") == "qcow2");
  REQUIRE(node(with_disk(DiskMode::copy))["file"].text("filename") == "/run/x/disk0.raw");
  REQUIRE(node(with_disk(DiskMode::copy)).text("driver") == "raw");
}

TEST_CASE("the cache mode reaches both the node and the device") {
  MachineConfig config = with_disk(DiskMode::direct);
  REQUIRE(node(config)["cache"].is_null());
  config.disks[0].cache = DiskCache::none;
  REQUIRE(node(config)["cache"].flag("direct", false));
  config.disks[0].cache = DiskCache::unsafe;
  REQUIRE(node(config)["cache"].flag("no-flush", false));
  REQUIRE_FALSE(node(config)["cache"].flag("direct", true));
  config.disks[0].cache = DiskCache::directsync;
  REQUIRE(node(config)["cache"].flag("direct", false));
  REQUIRE(device(build_command_line(config), "virtio-blk-pci").text("write-cache") == "off");
}

TEST_CASE("a disk's device carries what the user chose") {
  MachineConfig config = with_disk(DiskMode::direct);
  config.disks[0].id = "root";
  config.disks[0].serial = "S,1";
  config.disks[0].pci_address = "0x8";
  const json::Value disk = device(build_command_line(config), "virtio-blk-pci");
  REQUIRE(disk.text("id") == "root");
  REQUIRE(disk.text("drive") == "node0");
  REQUIRE(disk.text("serial") == "S,1");
  REQUIRE(disk.text("addr") == "0x8");
}

TEST_CASE("a disk may be served by a thread of its own, and in another way than by threads") {
  MachineConfig config = with_disk(DiskMode::direct);
  REQUIRE(json_of(build_command_line(config), "-object", "id", "iothread0").is_null());
  REQUIRE(node(config)["file"]["aio"].is_null());
  config.disks[0].iothread = true;
  config.disks[0].aio = DiskAio::io_uring;
  const CommandLine line = build_command_line(config);
  REQUIRE_FALSE(json_of(line, "-object", "id", "iothread0").is_null());
  REQUIRE(device(line, "virtio-blk-pci").text("iothread") == "iothread0");
  REQUIRE(node(config)["file"].text("aio") == "io_uring");
}

TEST_CASE("a staged disk is as large as its source, as asked, or a tenth larger than the source") {
  Disk disk("/d");
  REQUIRE(staged_size(disk, Bytes::mebi(10)) == Bytes::mebi(10));
  disk.size = Bytes::mebi(10);
  REQUIRE(staged_size(disk, Bytes::mebi(4)) == Bytes::mebi(10));
  REQUIRE(staged_size(disk, Bytes::mebi(10)) == Bytes::mebi(10));
  REQUIRE(staged_size(disk, Bytes::mebi(20)) == Bytes::mebi(22));
  REQUIRE(staged_size(disk, Bytes::mebi(11)).count() % 512 == 0);
}

TEST_CASE("a machine without PCI has virtio devices of the other kind") {
  MachineConfig config = with_disk(DiskMode::direct);
  config.machine = "microvm,rtc=on";
  config.nets.resize(1);
  config.shares.resize(1);
  const CommandLine line = build_command_line(config);
  for (const char* driver : {"virtio-blk-device", "virtio-net-device", "virtio-rng-device",
                             "virtio-serial-device", "virtio-9p-device", "pvpanic"}) {
    INFO(driver);
    REQUIRE_FALSE(device(line, driver).is_null());
  }
  REQUIRE(line.to_shell().find("-pci\"") == std::string::npos);
  REQUIRE(device(line, "vmgenid").is_null());
}

TEST_CASE("the small devices can each be left out") {
  MachineConfig config;
  const CommandLine all = build_command_line(config);
  for (const char* driver : {"virtio-rng-pci", "vmgenid", "pvpanic-pci", "virtserialport"}) {
    INFO(driver);
    REQUIRE_FALSE(device(all, driver).is_null());
  }
  config.rng = config.vmgenid = config.pvpanic = config.agent = false;
  REQUIRE(values_of(build_command_line(config), "-device").empty());
}

TEST_CASE("a guest may choose QEMU's exit status") {
  MachineConfig config;
  config.debug_exit = true;
  const json::Value exit = device(build_command_line(config), "isa-debug-exit");
  REQUIRE(exit.integer("iobase", 0) == 0xf4);
  REQUIRE(exit.integer("iosize", 0) == 4);
}

namespace {

struct Watchdog {
  [[nodiscard]] DeviceParts parts(const MachineConfig& config) const {
    DeviceParts parts;
    parts.arguments = {"-device", "i6300esb"};
    parts.kernel_arguments = {"watchdog_cpus=" + std::to_string(config.cpus)};
    return parts;
  }
};

}  // namespace

TEST_CASE("a device of the user's own adds arguments for QEMU and for the kernel") {
  MachineConfig config;
  config.kernel = "/k";
  config.cpus = 2;
  config.append = {"quiet"};
  config.attach(Watchdog());
  const CommandLine line = build_command_line(config);
  const auto devices = values_of(line, "-device");
  REQUIRE(std::count(devices.begin(), devices.end(), "i6300esb") == 1);
  REQUIRE(value_of(line, "-append") == "console=ttyS0 panic=-1 TERM=dumb watchdog_cpus=2 quiet");
}

TEST_CASE("a balloon and a vsock are attached as the machine type wants them") {
  MachineConfig config;
  config.attach(Balloon()).attach(Vsock(7));
  const CommandLine line = build_command_line(config);
  REQUIRE(device(line, "virtio-balloon-pci").flag("free-page-reporting", false));
  REQUIRE(device(line, "vhost-vsock-pci").integer("guest-cid", 0) == 7);
  MachineConfig small;
  small.machine = "microvm";
  small.attach(Balloon());
  REQUIRE_FALSE(device(build_command_line(small), "virtio-balloon-device").is_null());
}

TEST_CASE("a machine's vsock address is its own, and no reserved one") {
  MachineConfig one;
  one.name = "web-1";
  MachineConfig other;
  other.name = "web-2";
  REQUIRE(derive_cid(one) == derive_cid(one));
  REQUIRE(derive_cid(one) != derive_cid(other));
  REQUIRE(derive_cid(one) >= 3);
}

TEST_CASE("the guest agent has its well-known port name") {
  const json::Value port = device(build_command_line(MachineConfig()), "virtserialport");
  REQUIRE(port.text("name") == "org.qemu.guest_agent.0");
  REQUIRE(port.text("chardev") == kAgentChardev);
}

TEST_CASE("firmware entries come from a file or a text") {
  MachineConfig config;
  config.fw_cfg.resize(2);
  config.fw_cfg[0].name = "opt/a";
  config.fw_cfg[0].file = "/x,y";
  config.fw_cfg[1].name = "opt/b";
  config.fw_cfg[1].text = "one,two";
  config.smbios_strings = {"io.systemd.credential:a=b,c"};
  const CommandLine line = build_command_line(config);
  REQUIRE(values_of(line, "-fw_cfg") ==
          std::vector<std::string>{"name=opt/a,file=/x,,y", "name=opt/b,string=one,,two"});
  REQUIRE(value_of(line, "-smbios") == "type=11,value=io.systemd.credential:a=b,,c");
}

TEST_CASE("a folder is shared live over 9p or frozen as a FAT disk") {
  MachineConfig config;
  config.shares.resize(2);
  config.shares[0].path = "/src,1";
  config.shares[0].tag = "src";
  config.shares[1].type = ShareType::vfat;
  config.shares[1].path = "/seed";
  config.shares[1].tag = "CIDATA";
  const CommandLine line = build_command_line(config);
  REQUIRE(value_of(line, "-fsdev") ==
          "local,id=share0,path=/src,,1,security_model=none,multidevs=remap,readonly=on");
  REQUIRE(device(line, "virtio-9p-pci").text("mount_tag") == "src");
  const json::Value fat = json_of(line, "-blockdev", "node-name", "share1");
  REQUIRE(fat.flag("read-only", false));
  REQUIRE(fat["file"].text("driver") == "vvfat");
  REQUIRE(fat["file"].text("dir") == "/seed");
  REQUIRE(fat["file"].text("label") == "CIDATA");
}

TEST_CASE("a root file system on 9p is named to the kernel") {
  MachineConfig config;
  config.kernel = "/k";
  config.append = {"quiet"};
  config.shares.resize(1);
  config.shares[0].tag = "rootfs";
  config.shares[0].root = true;
  REQUIRE(value_of(build_command_line(config), "-append") ==
          "console=ttyS0 panic=-1 TERM=dumb root=rootfs rootfstype=9p "
          "rootflags=trans=virtio,version=9p2000.L ro quiet");
}
