// SPDX-License-Identifier: MIT
#include "cli/inspect_sections.hpp"

#include "cli/injected_texts.hpp"

#include <vmfleet/qemu/command_line.hpp>

#include "tests/support/catch.hpp"

using namespace vmfleet;

namespace {

std::vector<std::string> arguments() {
  MachineConfig config;
  config.disks.emplace_back("/images/root.img").mode = DiskMode::read_only;
  config.nets.resize(2);
  config.nets[1].type = NetType::lan;
  config.nets[1].lan = "blue";
  config.nets[1].mac = "52:54:00:00:00:07";
  config.qemu_args = {"-device", "i6300esb"};
  return build_command_line(config).argv;
}

}  // namespace

TEST_CASE("a device is told with what it is connected to") {
  std::vector<std::string> drivers;
  for (const json::Value& device : cli::devices_in(arguments())) {
    drivers.emplace_back(device.text("driver"));
    if (drivers.back() == "virtio-blk-pci") {
      CHECK(device["drive"]["file"].text("filename") == "/images/root.img");
    }
  }
  CHECK(drivers == std::vector<std::string>{"virtio-serial-pci", "virtserialport", "virtio-blk-pci",
                                            "virtio-net-pci", "virtio-net-pci", "virtio-rng-pci",
                                            "vmgenid", "pvpanic-pci"});
}

TEST_CASE("an interface is told with its address and its other end") {
  const json::Array interfaces = cli::interfaces_in(arguments());
  REQUIRE(interfaces.size() == 2);
  CHECK(interfaces[0].text("type") == "user");
  CHECK(interfaces[1].text("mac") == "52:54:00:00:00:07");
  CHECK(interfaces[1].text("localaddr") == "127.0.0.1");
}

TEST_CASE("of what is put into a guest only the size is shown") {
  MachineConfig config;
  config.injections.resize(2);
  config.injections[0].text = "hunter2";
  config.injections[1].source = "/etc/motd";
  const json::Value shown = cli::without_injected_texts(describe(config));
  CHECK(shown["inject"].as_array()->at(0).text("text") == "(7 bytes)");
  CHECK(shown["inject"].as_array()->at(1).text("source") == "/etc/motd");
  CHECK(cli::without_injected_texts(describe(MachineConfig())) ==
        json::Value(describe(MachineConfig())));
}
