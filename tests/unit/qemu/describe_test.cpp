// SPDX-License-Identifier: MIT
#include <functional>

#include <vmfleet/qemu/machine_config.hpp>

#include "tests/support/catch.hpp"

using namespace vmfleet;

namespace {

std::string text_of(const MachineConfig& config) {
  return json::write(describe(config));
}

}  // namespace

TEST_CASE("the same machine is described by the same text") {
  MachineConfig config;
  config.name = "a";
  REQUIRE(text_of(config) == text_of(MachineConfig(config)));
  REQUIRE(
      text_of(config) ==
      R"({"name":"a","arch":"x86_64","accel":"auto","machine":"q35","cpus":1,"memory":"256M"})");
}

TEST_CASE("any field that the user decides changes the description") {
  const std::vector<std::function<void(MachineConfig&)>> changes = {
      [](auto& c) { c.name = "b"; },
      [](auto& c) { c.fleet = "f"; },
      [](auto& c) { c.arch = Arch::aarch64; },
      [](auto& c) { c.qemu = "/q"; },
      [](auto& c) { c.accel = Accelerator::kvm; },
      [](auto& c) { c.machine = "pc"; },
      [](auto& c) { c.cpu = "qemu64"; },
      [](auto& c) { c.cpus = 2; },
      [](auto& c) { c.memory = Bytes::gibi(1); },
      [](auto& c) { c.memory_file.emplace(); },
      [](auto& c) { c.kernel = "/k"; },
      [](auto& c) { c.initrd = "/i"; },
      [](auto& c) {
        c.append = {"a", "b"};
      },
      [](auto& c) { c.append = {"a b"}; },
      [](auto& c) { c.append_defaults = false; },
      [](auto& c) { c.kernel_cache = false; },
      [](auto& c) { c.bios = "/b"; },
      [](auto& c) { c.disks.emplace_back("/d"); },
      [](auto& c) { c.disks.emplace_back("/d").iothread = true; },
      [](auto& c) { c.disks.emplace_back("/d").aio = DiskAio::native; },
      [](auto& c) { c.nets.resize(1); },
      [](auto& c) { c.nets.resize(2); },
      [](auto& c) { c.shares.resize(1); },
      [](auto& c) { c.injections.resize(1); },
      [](auto& c) { c.injections.emplace_back().path = "p"; },
      [](auto& c) { c.injections.emplace_back().text = "t"; },
      [](auto& c) { c.injections.emplace_back().source = "/t"; },
      [](auto& c) {
        c.injections.emplace_back().command = {"a", "b"};
      },
      [](auto& c) { c.injections.emplace_back().via = InjectionWay::tool; },
      [](auto& c) { c.fw_cfg.resize(1); },
      [](auto& c) { c.smbios_strings = {"s"}; },
      [](auto& c) { c.rng = false; },
      [](auto& c) { c.vmgenid = false; },
      [](auto& c) { c.agent = false; },
      [](auto& c) { c.pvpanic = false; },
      [](auto& c) { c.debug_exit = true; },
      [](auto& c) { c.attach(Balloon()); },
      [](auto& c) { c.attach(Vsock(3)); },
      [](auto& c) { c.exit_codes[31] = "success"; },
      [](auto& c) { c.on_panic = OnPanic::pause; },
      [](auto& c) { c.on_reboot = OnReboot::exit; },
      [](auto& c) { c.incoming = true; },
      [](auto& c) { c.paused = true; },
      [](auto& c) { c.gdb = "1234"; },
      [](auto& c) { c.qemu_args = {"-x"}; },
  };
  std::vector<std::string> seen = {text_of(MachineConfig())};
  for (const auto& change : changes) {
    MachineConfig config;
    change(config);
    const std::string text = text_of(config);
    INFO(text);
    REQUIRE(std::find(seen.begin(), seen.end(), text) == seen.end());
    seen.push_back(text);
  }
}

TEST_CASE("what comes with the launch and the host is not part of the description") {
  MachineConfig config;
  config.uuid = "12345678-1234-4234-8234-123456789abc";
  config.features.sandbox = false;
  REQUIRE(text_of(config) == text_of(MachineConfig()));
}
