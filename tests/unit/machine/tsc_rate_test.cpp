// SPDX-License-Identifier: MIT
#include "machine/tsc_rate.hpp"

#include "tests/support/catch.hpp"

using namespace vmfleet;

TEST_CASE("only an emulated Linux on microvm is without a timer to measure its clock by") {
  MachineConfig config;
  config.machine = "microvm,rtc=on";
  config.kernel = "/boot/vmlinuz";
  config.accel = Accelerator::tcg;
  REQUIRE(lacks_timers(config));
  config.accel = Accelerator::kvm;
  REQUIRE_FALSE(lacks_timers(config));
  config.accel = Accelerator::tcg;
  config.machine = "q35";
  REQUIRE_FALSE(lacks_timers(config));
}

TEST_CASE("a guest that counts instructions has a clock of its own") {
  MachineConfig config;
  config.machine = "microvm";
  config.kernel = "/boot/vmlinuz";
  config.accel = Accelerator::tcg;
  config.qemu_args = {"-icount", "shift=3"};
  REQUIRE_FALSE(lacks_timers(config));
}

TEST_CASE("the rate of the host's counter is the same whenever it is measured") {
  const auto rate = host_tsc_khz();
  if (!rate) return;  // a processor without one
  REQUIRE(*rate > 100'000);
  for (int i = 0; i < 5; ++i) {
    const double again = *host_tsc_khz();
    CHECK(again / *rate > 0.999);
    CHECK(again / *rate < 1.001);
  }
}
