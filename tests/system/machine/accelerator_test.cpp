// SPDX-License-Identifier: MIT
// Deciding the accelerator on this host.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <vmfleet/base/error.hpp>
#include <vmfleet/image/image_store.hpp>
#include <vmfleet/io/process.hpp>
#include <vmfleet/machine/accelerator.hpp>
#include <vmfleet/testkit/async_test.hpp>

#include "machine/kvm_guest.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/process_leak_guard.hpp"
#include "tests/support/temp_dir.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

/// Where answers are remembered and files made, for one test.
class Host {
 public:
  Host() {
    ::setenv("XDG_CACHE_HOME", cache_.path().c_str(), 1);
    ::setenv("TMPDIR", temporary_.path().c_str(), 1);
  }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;
  ~Host() {
    ::unsetenv("XDG_CACHE_HOME");
    ::unsetenv("TMPDIR");
  }

  /// A QEMU that is this shell script.
  [[nodiscard]] QemuBinary qemu(const std::string& script) const {
    QemuBinary binary;
    binary.path = folder_ / "qemu";
    std::ofstream(binary.path) << "#!/bin/sh\n" << script << "\n";
    std::filesystem::permissions(binary.path, std::filesystem::perms::owner_all);
    return binary;
  }
  [[nodiscard]] bool remembers() const {
    return std::filesystem::exists(cache_ / "vmfleet" / "kvm-probe.json");
  }
  [[nodiscard]] bool left_files() const { return !std::filesystem::is_empty(temporary_.path()); }

 private:
  TempDir folder_;
  TempDir cache_;
  TempDir temporary_;
};

// Without the device nothing is asked of QEMU.
bool has_kvm_device() {
  return host_arch() == "x86_64" && ::access("/dev/kvm", R_OK | W_OK) == 0;
}

}  // namespace

TEST_CASE("a guest that ran under KVM is remembered until the binary changes") {
  if (!has_kvm_device()) return;
  const Host host;
  REQUIRE(testkit::run_async(probe_kvm(host.qemu("exit 33"))).usable);
  REQUIRE(host.remembers());
  const KvmState changed = testkit::run_async(probe_kvm(host.qemu("echo broken >&2; exit 1")));
  REQUIRE_FALSE(changed.usable);
  REQUIRE_THAT(changed.reason, ContainsSubstring("broken"));
  REQUIRE_FALSE(host.left_files());
}

TEST_CASE("a KVM under which a guest takes many times as long as emulated is not used") {
  if (!has_kvm_device()) return;
  const Host host;
  const QemuBinary slow = host.qemu("case \"$*\" in *accel=tcg*) exit 33 ;; esac\nexec sleep 60");
  const KvmState state = testkit::run_async(probe_kvm(slow));
  REQUIRE_FALSE(state.usable);
  REQUIRE_THAT(state.reason, ContainsSubstring("emulated"));
  const QemuBinary good = host.qemu("sleep 0.5; exit 33");
  REQUIRE(testkit::run_async(probe_kvm(good)).usable);
}

TEST_CASE("what is not KVM's failure is not remembered") {
  if (!has_kvm_device()) return;
  const Host host;
  QemuBinary missing;
  missing.path = "/nonexistent/qemu";
  REQUIRE_FALSE(testkit::run_async(probe_kvm(missing)).usable);
  REQUIRE_FALSE(host.remembers());
  REQUIRE_FALSE(host.left_files());
}

TEST_CASE("a probe that is cancelled leaves neither a process nor a file") {
  if (!has_kvm_device()) return;
  ProcessLeakGuard guard;
  const Host host;
  const QemuBinary binary = host.qemu("exec sleep 60");
  REQUIRE_THROWS_AS(testkit::run_async(probe_kvm(binary), Milliseconds(100)), Error);
  REQUIRE_FALSE(host.left_files());
  REQUIRE_FALSE(host.remembers());
  REQUIRE(guard.leaked().empty());
}

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
