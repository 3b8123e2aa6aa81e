// SPDX-License-Identifier: MIT
#include <vmfleet/qemu/command_line.hpp>

#include "tests/support/catch.hpp"

using namespace vmfleet;

namespace {

using Arguments = std::vector<std::string>;

}  // namespace

TEST_CASE("a kernel speaks on the first port, without colours, and ends when it panics") {
  MachineConfig config;
  REQUIRE(kernel_arguments(config) == Arguments{"console=ttyS0", "panic=-1", "TERM=dumb"});
  config.arch = Arch::aarch64;
  config.on_panic = OnPanic::pause;
  REQUIRE(kernel_arguments(config) == Arguments{"console=ttyAMA0", "panic=0", "TERM=dumb"});
}

TEST_CASE("a kernel is told the rate of a clock that it cannot measure") {
  MachineConfig config;
  config.tsc_khz = 2'300'000;
  REQUIRE(kernel_arguments(config).back() == "tsc_early_khz=2300000");
  config.append = {"tsc_early_khz=0"};
  REQUIRE(kernel_arguments(config) ==
          Arguments{"console=ttyS0", "panic=-1", "TERM=dumb", "tsc_early_khz=0"});
}

TEST_CASE("a user's word replaces the default of the same key") {
  MachineConfig config;
  config.append = {"quiet console=hvc0", "panic=5", "console=tty0"};
  REQUIRE(kernel_arguments(config) ==
          Arguments{"TERM=dumb", "quiet console=hvc0", "panic=5", "console=tty0"});
  config.append = {"my.console=ttyS0"};
  REQUIRE(kernel_arguments(config) ==
          Arguments{"console=ttyS0", "panic=-1", "TERM=dumb", "my.console=ttyS0"});
}

TEST_CASE("a kernel that is no Linux is told only what the user says") {
  MachineConfig config;
  config.append = {"verbose"};
  config.append_defaults = false;
  REQUIRE(kernel_arguments(config) == Arguments{"verbose"});
}

TEST_CASE("what the user says comes last, and so do the words for init") {
  MachineConfig config;
  config.shares.resize(1);
  config.shares[0].tag = "rootfs";
  config.shares[0].root = true;
  config.append = {"--", "single"};
  REQUIRE(kernel_arguments(config) ==
          Arguments{"console=ttyS0", "panic=-1", "TERM=dumb", "root=rootfs", "rootfstype=9p",
                    "rootflags=trans=virtio,version=9p2000.L", "ro", "--", "single"});
}
