// SPDX-License-Identifier: MIT
// Deciding the accelerator on this host.
#include <fstream>

#include <vmfleet/base/error.hpp>
#include <vmfleet/io/process.hpp>
#include <vmfleet/machine/accelerator.hpp>
#include <vmfleet/testkit/async_test.hpp>

#include "machine/kvm_guest.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/process_leak_guard.hpp"
#include "tests/support/temp_dir.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

TEST_CASE("the KVM test guest runs to its end, under emulation too") {
  const TempDir temp;
  std::ofstream(temp / "guest.elf") << kvm_guest();
  std::vector<std::string> argv{"qemu-system-x86_64",
                                "-nodefaults",
                                "-no-user-config",
                                "-display",
                                "none",
                                "-machine",
                                "pc,accel=tcg",
                                "-m",
                                "32",
                                "-kernel",
                                (temp / "guest.elf").string(),
                                "-chardev",
                                "null,id=s",
                                "-serial",
                                "chardev:s",
                                "-device",
                                "isa-debug-exit,iobase=0xf4,iosize=4"};
  ProcessOptions options(argv);
  const ProcessOutput output = testkit::run_async(run_process(options));
  INFO(output.err);
  REQUIRE(output.status.code == kKvmGuestExit);
}

TEST_CASE("automatic always decides, and asking for KVM gives it or says why not") {
  ProcessLeakGuard guard;
  const QemuBinary binary = QemuBinary::probe("", Arch::x86_64).value();
  const Accelerator chosen =
      testkit::run_async(decide_accelerator(Accelerator::automatic, Arch::x86_64, binary));
  REQUIRE(chosen != Accelerator::automatic);
  if (chosen == Accelerator::tcg) {
    try {
      testkit::run_async(decide_accelerator(Accelerator::kvm, Arch::x86_64, binary));
      FAIL("KVM was given although it is not fit");
    } catch (const Error& error) {
      REQUIRE(error.kind() == ErrorKind::host_unfit);
      REQUIRE_FALSE(error.evidence().front().empty());
    }
  }
  REQUIRE(guard.leaked().empty());
}
