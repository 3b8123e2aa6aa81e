// SPDX-License-Identifier: MIT
#include "machine/boot_kernel.hpp"

#include "tests/support/catch.hpp"

using namespace vmfleet;

namespace {

MachineConfig with_machine(const std::string& machine) {
  MachineConfig config;
  config.kernel = "/boot/vmlinuz";
  config.machine = machine;
  return config;
}

}  // namespace

TEST_CASE("the machine types of a PC boot unpacked kernels, and so does every arm64 one") {
  for (const auto* machine : {"", "q35", "pc", "pc-q35-7.2", "pc-i440fx-7.2", "microvm",
                              "microvm,rtc=on", "q35,usb=off"}) {
    CAPTURE(machine);
    REQUIRE(boots_unpacked_kernels(with_machine(machine)));
  }
  for (const auto* machine : {"xenfv", "none", "isapc", "xenpv"}) {
    CAPTURE(machine);
    REQUIRE_FALSE(boots_unpacked_kernels(with_machine(machine)));
  }
  MachineConfig arm = with_machine("raspi3b");
  arm.arch = Arch::aarch64;
  REQUIRE(boots_unpacked_kernels(arm));
}

TEST_CASE("firmware of the user's own is given the kernel as it was made") {
  MachineConfig config = with_machine("q35");
  SECTION("as a key") {
    config.bios = "/usr/share/OVMF.fd";
  }
  SECTION("among QEMU's words") {
    config.qemu_args = {"-drive", "if=pflash,file=/usr/share/OVMF.fd"};
  }
  SECTION("as a property of the machine") {
    config.machine = "q35,pflash0=code";
  }
  SECTION("with memory that only the guest reads") {
    config.machine = "q35,confidential-guest-support=sev0";
  }
  SECTION("no kernel") {
    config.kernel.clear();
  }
  REQUIRE_FALSE(boots_unpacked_kernels(config));
}
