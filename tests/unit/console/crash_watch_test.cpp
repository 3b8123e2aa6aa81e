// SPDX-License-Identifier: MIT
#include <vmfleet/console/crash_watch.hpp>

#include <string>
#include <vector>

#include "tests/support/catch.hpp"

using namespace vmfleet::console;

namespace {

std::string lines(const std::vector<std::string>& all) {
  std::string text;
  for (const auto& line : all) text += line + "\r\n";
  return text;
}

/// The fatal crash in a log that arrives in pieces of 7 bytes.
std::optional<Crash> crash_in(const std::string& log) {
  CrashWatch watch;
  std::optional<Crash> first;
  for (std::size_t at = 0; at < log.size() && !first; at += 7) {
    first = watch.feed(std::string_view(log).substr(at, 7));
  }
  return first;
}

std::string kind_of(const std::string& line) {
  const auto crash = crash_in(line + "\r\n");
  return crash ? std::string(to_string(crash->kind)) : "none";
}

std::string warning_of(const std::string& line) {
  CrashWatch watch;
  REQUIRE_FALSE(watch.feed(line + "\r\n"));
  REQUIRE(watch.warnings().size() == 1);
  return std::string(to_string(watch.warnings()[0].kind));
}

const std::string kBanner =
    "[    0.000000] Linux version 6.1.0-56-cloud-amd64 (debian-kernel@lists.debian.org)";

}  // namespace

TEST_CASE("a missing root disk is told apart from other panics") {
  // Linux 6.1 with rdinit=/nonexistent and no disk
  const auto crash = crash_in(lines({
      "[    2.542327] /dev/root: Can't open blockdev",
      "[    2.542675] VFS: Cannot open root device \"(null)\" or unknown-block(0,0): error -6",
      "[    2.542801] Please append a correct \"root=\" boot option; here are the available "
      "partitions:",
      "[    2.543064] Kernel panic - not syncing: VFS: Unable to mount root fs on "
      "unknown-block(0,0)",
      "[    2.543305] CPU: 0 PID: 1 Comm: swapper/0 Not tainted 6.1.0-56-cloud-amd64 #1",
  }));
  REQUIRE(crash);
  REQUIRE(crash->kind == CrashKind::no_root);
  REQUIRE_THAT(crash->line, ContainsSubstring("unknown-block(0,0)"));
  REQUIRE_THAT(crash->explanation, ContainsSubstring("root="));
}

TEST_CASE("each way for Linux to die has its class") {
  // provoked on Linux 6.1 (init that exits, sysrq c, init that eats all memory), the rest as
  // printed by the sources
  const std::string stamp = "[    2.473143] ";
  REQUIRE(kind_of(stamp + "Kernel panic - not syncing: Attempted to kill init! "
                          "exitcode=0x00000300") == "init_died");
  REQUIRE(kind_of(stamp + "Kernel panic - not syncing: sysrq triggered crash") == "panic");
  REQUIRE(kind_of(stamp + "Kernel panic - not syncing: System is deadlocked on memory") ==
          "out_of_memory");
  REQUIRE(kind_of(stamp + "Kernel panic - not syncing: Requested init /x failed (error -2).") ==
          "no_init");
  REQUIRE(kind_of(stamp + "Kernel panic - not syncing: No working init found.  Try passing "
                          "init= option to kernel.") == "no_init");
  REQUIRE(kind_of(stamp + "BUG: kernel NULL pointer dereference, address: 0000000000000000") ==
          "oops");
  REQUIRE(kind_of(stamp + "BUG: unable to handle page fault for address: ffffffffc0000000") ==
          "oops");
  REQUIRE(kind_of(stamp + "Oops: 0002 [#1] PREEMPT SMP NOPTI") == "oops");
  REQUIRE(kind_of("[   12.000001][    T1] kernel BUG at fs/ext4/inode.c:2720!") == "oops");
  REQUIRE(kind_of(stamp + "invalid opcode: 0000 [#1] PREEMPT SMP PTI") == "oops");
  REQUIRE(kind_of(stamp + "general protection fault, probably for non-canonical address "
                          "0xdead000000000100: 0000 [#1] PREEMPT SMP") == "oops");
  REQUIRE(kind_of(stamp + "Unable to handle kernel NULL pointer dereference at virtual address "
                          "0000000000000010") == "oops");
  REQUIRE(kind_of(stamp + "Internal error: Oops: 0000000096000004 [#1] PREEMPT SMP") == "oops");
  REQUIRE(kind_of(stamp + "Out of memory: Killed process 1 (init) total-vm:195544kB") ==
          "out_of_memory");
  REQUIRE(kind_of("\n\n -- System halted") == "no_boot");
  REQUIRE(kind_of("ALERT!  UUID=8c1b does not exist.  Dropping to a shell!") == "no_root");
}

TEST_CASE("a kernel message in the middle of a program's line is seen") {
  REQUIRE(kind_of("starting ser[    2.473143] Kernel panic - not syncing: Fatal exception") ==
          "panic");
}

TEST_CASE("firmware and other systems crash in their own words") {
  REQUIRE(kind_of("Synchronous Exception at 0x00000000BF5B2A40") == "firmware");
  REQUIRE(kind_of("!!!! X64 Exception Type - 0E(#PF - Page-Fault)  CPU Apic ID - 00000000 !!!!") ==
          "firmware");
  REQUIRE(kind_of("ASSERT_EFI_ERROR (Status = Device Error)") == "none");
  REQUIRE(kind_of("ASSERT [PlatformPei] /build/edk2/OvmfPkg/PlatformPei/MemDetect.c(123): x") ==
          "firmware");
  REQUIRE(kind_of("No bootable device.") == "no_boot");
  REQUIRE(kind_of("BdsDxe: No bootable option or device was found.") == "no_boot");
  REQUIRE(kind_of("ZIRCON KERNEL PANIC") == "panic");
  REQUIRE(kind_of("(XEN) Panic on CPU 0:") == "panic");
  REQUIRE(kind_of("panic[cpu0]/thread=fffffffffbc2e020: boot failed") == "panic");
  const auto bsd = crash_in(lines({"panic: page fault", "cpuid = 0", "time = 1700000000"}));
  REQUIRE(bsd);
  REQUIRE(bsd->line == "panic: page fault");
}

TEST_CASE("harmless lines are no crash") {
  REQUIRE(kind_of(lines({
              "[    0.000000] Command line: console=ttyS0 panic=-1 oops=panic cryptomgr.notests",
              "[    0.000000] Kernel command line: console=ttyS0 panic=-1",
              "[    0.737149] PCI: Using host bridge windows from ACPI; if necessary, use "
              "\"pci=nocrs\" and report a bug",
              "[    1.000000] pstore: Using crash dump compression: deflate",
              "[    0.000000] rcu: \tRCU restricting CPUs from NR_CPUS=512 to nr_cpu_ids=1.",
              "[    2.174215] Run /init as init process",
              "panic: runtime error: index out of range [3] with length 3",
              "",
              "goroutine 1 [running]:",
              "Oops: something went wrong",
              "see https://bugs.example.org/ BUG: unable to handle it",
              "echo 'Kernel panic - not syncing: VFS' # a test",
              "FAIL: expected Kernel panic - not syncing: x",
              "[    3.000000] traps: foo[12] general protection fault ip:401000 sp:7ffd error:0",
              "Out of memory: Killed processes are listed below",
              "cpuid = 3",
          })) == "none");
}

TEST_CASE("what a guest may survive is a warning") {
  const std::string stamp = "[   42.000001] ";
  REQUIRE(warning_of(stamp + "watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [sh:81]") ==
          "lockup");
  REQUIRE(warning_of(stamp + "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:") == "lockup");
  REQUIRE(warning_of(stamp + "rcu: INFO: rcu_sched self-detected stall on CPU") == "lockup");
  REQUIRE(warning_of(stamp + "INFO: task jbd2/vda1-8:123 blocked for more than 120 seconds.") ==
          "lockup");
  REQUIRE(warning_of(stamp + "BUG: scheduling while atomic: swapper/0/0/0x00000100") == "oops");
  REQUIRE(warning_of(stamp + "WARNING: CPU: 0 PID: 1 at kernel/x.c:12 f+0x1/0x2") == "oops");
  REQUIRE(warning_of(stamp + "Out of memory: Killed process 81 (busybox) total-vm:195544kB") ==
          "out_of_memory");
  REQUIRE(warning_of(stamp + "I/O error, dev vda, sector 2048 op 0x0:(READ) flags 0x0") ==
          "disk_error");
}

TEST_CASE("a reset on its own is a warning, a loop of them a crash") {
  CrashWatch watch;
  REQUIRE_FALSE(watch.feed(lines({kBanner, "[    1.0] up"})));
  REQUIRE(watch.warnings().empty());
  REQUIRE_FALSE(watch.feed(lines({"resetting", kBanner})));
  REQUIRE(watch.warnings().size() == 1);
  const auto crash = watch.feed(lines({"resetting", kBanner}));
  REQUIRE(crash);
  REQUIRE(crash->kind == CrashKind::reset_loop);
}

TEST_CASE("a reset on purpose does not count") {
  CrashWatch watch;
  for (int i = 0; i < 5; ++i) {
    REQUIRE_FALSE(watch.feed(lines({kBanner})));
    watch.expect_reset();
  }
  REQUIRE(watch.warnings().empty());
}

TEST_CASE("a kernel that dies before it ends the line is judged at rest") {
  CrashWatch watch;
  REQUIRE_FALSE(watch.feed("[    2.5] x\r\n[    2.473143] Kernel panic - not syncing: no stack"));
  const auto crash = watch.at_rest();
  REQUIRE(crash);
  REQUIRE(crash->kind == CrashKind::panic);
}

TEST_CASE("the user's failures replace the default ones") {
  CrashWatch watch({Pattern::literal("FAIL:"), Pattern::regex("exit code [1-9]")});
  REQUIRE_FALSE(watch.feed("[    2.473143] Kernel panic - not syncing: x\n"));
  const auto crash = watch.feed("done, exit code 3");
  REQUIRE(crash);
  REQUIRE(crash->kind == CrashKind::declared);
  REQUIRE(crash->line == "done, exit code 3");
}
