// SPDX-License-Identifier: MIT
#include <vmfleet/qemu/validate.hpp>

#include "tests/support/catch.hpp"

using namespace vmfleet;

namespace {

MachineConfig good() {
  MachineConfig config;
  config.name = "web-0";
  config.kernel = "/boot/vmlinux";
  return config;
}

MachineConfig with_disks(std::size_t count) {
  MachineConfig config = good();
  for (std::size_t i = 0; i < count; ++i) {
    config.disks.emplace_back("/disk" + std::to_string(i));
  }
  return config;
}

MachineConfig with_net(NetType type) {
  MachineConfig config = good();
  config.nets.resize(1);
  config.nets[0].type = type;
  return config;
}

std::vector<std::string> keys(const MachineConfig& config) {
  std::vector<std::string> found;
  for (const auto& problem : find_problems(config)) found.push_back(problem.key);
  return found;
}

using Keys = std::vector<std::string>;

}  // namespace

TEST_CASE("disks need a file, a usable id and a short serial number") {
  MachineConfig config = with_disks(4);
  REQUIRE(keys(config).empty());
  config.disks[0].file.clear();
  config.disks[1].id = "1 a";
  config.disks[2].serial = std::string(21, 's');
  config.disks[3].id = "nic0";
  REQUIRE(keys(config) == Keys{"disk[0].file", "disk[1].id", "disk[2].serial", "disk[3].id"});
}

TEST_CASE("two disks cannot share an id or a PCI slot") {
  MachineConfig config = with_disks(2);
  config.disks[0].id = config.disks[1].id = "root";
  config.disks[0].pci_address = config.disks[1].pci_address = "0x8";
  REQUIRE(keys(config) == Keys{"disk[1].id", "disk[1].pci_address"});
}

TEST_CASE("a PCI slot is one that exists") {
  MachineConfig config = with_disks(1);
  for (const char* slot : {"8", "0x8", "1f", "0x8.0x7", "8.1"}) {
    config.disks[0].pci_address = slot;
    REQUIRE(keys(config).empty());
  }
  for (const char* slot : {"20", "0x", "8.8", "8.", ".1", "x", "8 "}) {
    INFO(slot);
    config.disks[0].pci_address = slot;
    REQUIRE(keys(config) == Keys{"disk[0].pci_address"});
  }
  config.disks[0].pci_address = "0x8";
  config.machine = "microvm";
  REQUIRE(keys(config) == Keys{"disk[0].pci_address"});
}

TEST_CASE("one PCI slot has many spellings") {
  for (const char* spelling : {"0xA", "a", "0x0a", "a.0", "0xa.0x0"}) {
    MachineConfig config = with_disks(2);
    config.disks[0].pci_address = "0xa";
    config.disks[1].pci_address = spelling;
    INFO(spelling);
    REQUIRE(keys(config) == Keys{"disk[1].pci_address"});
    config.disks[0].pci_address = "0xa.1";
    REQUIRE(keys(config).empty());
  }
}

TEST_CASE("native aio goes past the host's cache, a thread for a disk needs PCI") {
  MachineConfig config = with_disks(1);
  config.disks[0].aio = DiskAio::native;
  REQUIRE(keys(config) == Keys{"disk[0].aio"});
  config.disks[0].cache = DiskCache::directsync;
  config.disks[0].iothread = true;
  REQUIRE(keys(config).empty());
  config.machine = "microvm";
  REQUIRE(keys(config) == Keys{"disk[0].iothread"});
}

TEST_CASE("only a disk of the machine's own can grow") {
  MachineConfig config = with_disks(1);
  config.disks[0].size = Bytes::gibi(2);
  REQUIRE(keys(config).empty());
  config.disks[0].mode = DiskMode::read_only;
  REQUIRE(keys(config) == Keys{"disk[0].size"});
}

TEST_CASE("a file that is written directly has no other user") {
  MachineConfig config = with_disks(2);
  config.disks[1].file = config.disks[0].file;
  REQUIRE(keys(config).empty());
  config.disks[1].mode = DiskMode::direct;
  REQUIRE(keys(config) == Keys{"disk[1].file"});
  config.disks[0].file = "/a/..//disk0";
  REQUIRE(keys(config) == Keys{"disk[1].file"});
}

TEST_CASE("a user network has sound addresses") {
  MachineConfig config = with_net(NetType::user);
  config.nets[0].subnet = "10.0.2.0/24";
  config.nets[0].dns = "10.0.2.3";
  REQUIRE(keys(config).empty());
  config.nets[0].subnet = "10.0.2.0/99";
  config.nets[0].dhcp_start = "x";
  config.nets[0].dns = "10.0.2";
  config.nets[0].host = "::1";
  REQUIRE(keys(config) == Keys{"net[0].subnet", "net[0].dhcp_start", "net[0].dns", "net[0].host"});
}

TEST_CASE("a MAC address belongs to one machine and one card") {
  MachineConfig config = with_net(NetType::user);
  config.nets.resize(2);
  config.nets[0].mac = config.nets[1].mac = "52:54:00:12:34:56";
  REQUIRE(keys(config) == Keys{"net[1].mac"});
  config.nets[1].mac.clear();
  for (const char* mac :
       {"zz", "53:54:00:12:34:56", "52-54-00-12-34-56", "52:54:00:12:34:5", "ff:ff:ff:ff:ff:ff"}) {
    INFO(mac);
    config.nets[0].mac = mac;
    REQUIRE(keys(config) == Keys{"net[0].mac"});
  }
}

TEST_CASE("keys of another network type are refused") {
  MachineConfig config = with_net(NetType::tap);
  config.nets[0].interface = "tap0";
  REQUIRE(keys(config).empty());
  config.nets[0].forwards = {*parse_forward("22")};
  config.nets[0].restrict_guest = true;
  config.nets[0].lan = "blue";
  REQUIRE(keys(config) == Keys{"net[0].restrict", "net[0].forward", "net[0].lan"});
}

TEST_CASE("a tap network needs an interface and a LAN needs a name") {
  REQUIRE(keys(with_net(NetType::tap)) == Keys{"net[0].interface"});
  REQUIRE(keys(with_net(NetType::lan)) == Keys{"net[0].lan"});
  MachineConfig config = with_net(NetType::tap);
  config.nets[0].interface = "a-very-long-interface";
  REQUIRE(keys(config) == Keys{"net[0].interface"});
}

TEST_CASE("forwards of one machine have different names and host ports") {
  MachineConfig config = with_net(NetType::user);
  config.nets[0].forwards = {*parse_forward("ssh:22"),
                             *parse_forward("ssh:2200:23"),
                             *parse_forward("a:2200:24"),
                             *parse_forward("b:2200:24/udp"),
                             *parse_forward("c:0.0.0.0:2200:25"),
                             *parse_forward("d:10.0.0.1:2201:25")};
  REQUIRE(keys(config) == Keys{"net[0].forward[1]", "net[0].forward[2]", "net[0].forward[4]"});
}

TEST_CASE("any number of forwards may leave the host's port to QEMU") {
  MachineConfig config = with_net(NetType::user);
  for (int i = 0; i < 10; ++i) {
    config.nets[0].forwards.emplace_back("f" + std::to_string(i), std::uint16_t{22});
  }
  REQUIRE(keys(config).empty());
}

TEST_CASE("a forward built by hand is checked as one that was read") {
  MachineConfig config = with_net(NetType::user);
  config.nets[0].forwards.resize(1);
  config.nets[0].forwards[0].host_addr = "localhost";
  REQUIRE(keys(config) == Keys(3, "net[0].forward[0]"));  // no name, no address, no port
}

TEST_CASE("a share has a path and a tag that its type can carry") {
  MachineConfig config = good();
  config.shares.resize(3);
  for (auto& share : config.shares) share.path = "/src";
  config.shares[0].tag = std::string(32, 't');
  config.shares[1].type = config.shares[2].type = ShareType::vfat;
  config.shares[1].tag = std::string(12, 't');
  config.shares[2].writable = true;
  config.shares[2].root = true;
  REQUIRE(keys(config) == Keys{"share[0].tag", "share[1].tag", "share[2].mode", "share[2].root"});
}

TEST_CASE("there is one root file system, and it needs a kernel") {
  MachineConfig config = good();
  config.shares.resize(2);
  for (auto& share : config.shares) {
    share.path = "/root";
    share.root = true;
  }
  config.shares[0].tag = "a";
  config.shares[1].tag = "b";
  REQUIRE(keys(config) == Keys{"share[1].root"});
  config.shares.resize(1);
  config.kernel.clear();
  REQUIRE(keys(config) == Keys{"share[0].root"});
}
