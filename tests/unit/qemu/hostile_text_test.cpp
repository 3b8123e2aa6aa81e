// SPDX-License-Identifier: MIT
// Hostile text in every field changes no option.
#include <random>

#include "tests/support/catch.hpp"
#include "tests/unit/qemu/arguments.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

/// A machine that has one of everything, with the same text in every string.
MachineConfig everything(const std::string& text) {
  MachineConfig config;
  config.fleet = config.name = config.uuid = text;
  config.kernel = config.initrd = config.bios = text;
  config.append = {text};
  config.disks.emplace_back(text);
  config.disks[0].mode = DiskMode::direct;
  config.disks[0].id = config.disks[0].serial = config.disks[0].pci_address = text;
  config.nets.resize(3);
  config.nets[0].mac = config.nets[0].subnet = config.nets[0].dns = text;
  config.nets[0].forwards.emplace_back(text, std::uint16_t{22});
  config.nets[0].forwards[0].host_addr = text;
  config.nets[1].type = NetType::tap;
  config.nets[1].interface = config.nets[1].up_script = text;
  config.nets[2].type = NetType::lan;
  config.nets[2].lan = text;
  config.shares.resize(2);
  config.shares[0].path = config.shares[0].tag = text;
  config.shares[1].type = ShareType::vfat;
  config.shares[1].path = config.shares[1].tag = text;
  config.fw_cfg.resize(1);
  config.fw_cfg[0].name = config.fw_cfg[0].text = text;
  config.smbios_strings = {text};
  config.memory_file.emplace();
  config.memory_file->path = text;
  config.gdb = text;
  return config;
}

CommandLine build(const std::string& text) {
  Wires wires = Wires::in_directory("/run/" + text + ".d");
  return build_command_line(everything(text), wires);
}

std::string undouble(const std::string& value) {
  std::string text;
  for (std::size_t i = 0; i < value.size(); ++i) {
    text += value[i];
    if (value[i] == ',' && i + 1 < value.size() && value[i + 1] == ',') ++i;
  }
  return text;
}

std::string random_text(std::mt19937& random) {
  static const std::vector<std::string> kPieces = {
      ",", "=", "\"", "'", " ", "\n", "\t",   "\\",    "\xc3\xbc", "%s",   "-",    "--",
      "{", "}", ":",  "/", "a", "0",  "nbd:", "json:", "file=",    "\x1b", "id=x", ",,"};
  std::string text;
  for (std::size_t i = 1 + random() % 12; i > 0; --i) text += kPieces[random() % kPieces.size()];
  return text;
}

}  // namespace

TEST_CASE("no text changes the number of arguments or where options begin") {
  const CommandLine plain = build("x");
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    const std::string text = random_text(random);
    INFO(text);
    const CommandLine line = build(text);
    REQUIRE(line.argv.size() == plain.argv.size());
    REQUIRE(line.option_indices == plain.option_indices);
    for (const std::size_t at : line.option_indices) REQUIRE(line.argv[at] == plain.argv[at]);
  }
}

TEST_CASE("every JSON value reads back as the text that went in") {
  std::mt19937 random(8);
  for (int round = 0; round < 500; ++round) {
    const std::string text = random_text(random);
    INFO(text);
    const CommandLine line = build(text);
    const json::Value disk = json_of(line, "-blockdev", "node-name", "node0");
    REQUIRE(disk["file"].text("filename") == text);
    REQUIRE(device(line, "virtio-blk-pci").text("serial") == text);
    REQUIRE(device(line, "virtio-9p-pci").text("mount_tag") == text);
    REQUIRE(json_of(line, "-blockdev", "node-name", "share1")["file"].text("dir") == text);
    REQUIRE(json_of(line, "-netdev", "id", "net1").text("ifname") == text);
    REQUIRE(json_of(line, "-object", "id", "ram0").text("mem-path") == text);
  }
}

TEST_CASE("every escaped value reads back as the text that went in") {
  std::mt19937 random(9);
  for (int round = 0; round < 500; ++round) {
    const std::string text = random_text(random);
    INFO(text);
    const CommandLine line = build(text);
    REQUIRE(undouble(value_of(line, "-name")) == "guest=" + text + ",debug-threads=on");
    REQUIRE(undouble(values_of(line, "-fw_cfg").at(0)) == "name=" + text + ",string=" + text);
    REQUIRE(undouble(value_of(line, "-smbios")) == "type=11,value=" + text);
    REQUIRE(value_of(line, "-kernel") == text);
    REQUIRE(value_of(line, "-pidfile") == "/run/" + text + ".d/pid");
  }
}

TEST_CASE("bytes that are not UTF-8 leave every JSON value valid") {
  const CommandLine line = build("a\xff\xc3,\"");
  for (const char* option : {"-device", "-blockdev", "-netdev", "-object"}) {
    for (const std::string& value : values_of(line, option)) REQUIRE(json::parse(value).ok());
  }
}
