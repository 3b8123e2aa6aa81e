// SPDX-License-Identifier: MIT
// The table of crash patterns.
#include <vmfleet/console/crash_patterns.hpp>

#include <array>
#include <string>
#include <vector>

namespace vmfleet::console {
namespace {

constexpr auto kFatal = Severity::fatal;
constexpr auto kWarning = Severity::warning;

// A kernel message begins a line, or follows its stamp, also in the middle of a line.
std::string kernel(const char* message) {
  return std::string("(?:^|\\] |kernel: )") + message;
}
std::string panic(const char* reason) {
  return kernel("Kernel panic - not syncing: ") + reason;
}

std::vector<CrashPattern> make_patterns() {
  return {
      // Linux: it cannot start.
      {CrashKind::no_root, kFatal, panic("VFS: Unable to mount root fs"),
       "the kernel found no root file system: check root= in the kernel arguments, that "
       "the disk is attached and its driver is in the kernel or the initrd; without a "
       "disk, check that the initrd was given and holds an executable /init"},
      {CrashKind::no_init, kFatal,
       panic("(?:No working init found|No init found|Requested init .* failed)"),
       "the kernel found no first program that it could run: check init= or rdinit=, "
       "that the file is executable, of this architecture, and its libraries are there"},
      {CrashKind::init_died, kFatal, panic("Attempted to kill init!"),
       "the guest's first program ended or crashed; exitcode is its wait status in hex "
       "(0x00000300: it exited with 3; 0x0000000b: killed by signal 11)"},
      {CrashKind::out_of_memory, kFatal, panic("(?:Out of memory|System is deadlocked on memory)"),
       "the guest ran out of memory: give the machine more"},
      {CrashKind::out_of_memory, kFatal, kernel("Out of memory: Kill(?:ed)? process 1 \\("),
       "the guest ran out of memory and lost its first program: give the machine more"},
      {CrashKind::no_root, kFatal, "^ALERT!  .* does not exist\\.  Dropping to a shell!",
       "the initrd waited for the root disk in vain: check root= and the disk"},
      // Linux: it fell.
      {CrashKind::panic, kFatal, panic(""),
       "the guest's kernel panicked; the message says why, the call trace after it where"},
      {CrashKind::panic, kFatal, kernel("PANIC: (?:double fault|early exception)"),
       "the guest's kernel failed before it could handle errors"},
      {CrashKind::oops, kFatal, kernel("(?:Internal error: )?Oops.* \\[#[0-9]+\\]"),
       "the guest's kernel made an invalid access; the call trace after it says where"},
      {CrashKind::oops, kFatal,
       kernel("BUG: (?:kernel NULL pointer|unable to handle|stack guard page|TASK stack)"),
       "the guest's kernel made an invalid access; the call trace after it says where"},
      {CrashKind::oops, kFatal, kernel("Unable to handle kernel .* at virtual address"),
       "the guest's kernel made an invalid access; the call trace after it says where"},
      {CrashKind::oops, kFatal, kernel("kernel BUG at .+:[0-9]+!"),
       "the guest's kernel found itself in a state that must not be (BUG_ON)"},
      {CrashKind::oops, kFatal,
       kernel("(?:general protection fault, probably|[a-z][a-z -]+: [0-9a-f]{4} \\[#[0-9])"),
       "the processor refused what the guest's kernel did"},
      {CrashKind::no_boot, kFatal, "^ -- System halted",
       "the kernel image could not unpack itself: the line before says why (a damaged "
       "file, too little memory, or a processor that it does not support)"},
      // It stopped at a rescue shell.
      {CrashKind::emergency, kFatal,
       "^(?:You are in (?:emergency|rescue) mode|Give root password for maintenance|"
       "Entering emergency mode\\.)",
       "the guest's boot failed and it waits at a rescue shell: its log says which unit"},
      {CrashKind::no_boot, kFatal, "^grub rescue> ?",
       "GRUB did not find its files: the disk image is incomplete or not the right one"},
      // Firmware.
      {CrashKind::no_boot, kFatal,
       "^(?:No bootable device\\.|Boot failed: not a bootable disk|"
       "BdsDxe: No bootable option or device was found|No more network devices)",
       "the firmware found nothing to start: check the disk, its format (raw or qcow2), "
       "and whether it needs UEFI; or boot a kernel directly"},
      {CrashKind::firmware, kFatal,
       "^(?:Synchronous Exception at 0x[0-9A-F]|!!!! .* Exception Type - |"
       "ASSERT(?:_EFI_ERROR)? \\(?.*\\([0-9]+\\): )",
       "the UEFI firmware crashed: check that its variables file fits the code file, and "
       "the machine type and memory size"},
      {CrashKind::firmware, kFatal, "^(?:### ERROR ### Please RESET the board|PANIC at PC ?: 0x)",
       "the boot loader or trusted firmware crashed"},
      // Other systems.
      {CrashKind::panic, kFatal, "(?:^|\\] |ERROR: )ZIRCON KERNEL PANIC",
       "the guest's kernel (Zircon) panicked"},
      {CrashKind::panic, kFatal, "^\\(XEN\\) Panic on CPU [0-9]+:", "Xen panicked"},
      {CrashKind::panic, kFatal,
       "^panic\\[cpu[0-9]+\\]/thread=", "the guest's kernel (illumos) panicked"},
      {CrashKind::panic, kFatal, "^panic: ", "the guest's kernel (BSD) panicked",
       "^(?:cpuid = [0-9]+|cpu[0-9]+: Begin traceback|Stopped at |syncing disks)"},
      // It may go on.
      {CrashKind::lockup, kWarning,
       kernel("(?:(?:NMI )?watchdog: )?(?:BUG: (?:soft lockup|workqueue lockup)|"
              "Watchdog detected hard LOCKUP)"),
       "a processor of the guest did not get on for long: the host is overloaded, or the "
       "guest's kernel spins"},
      {CrashKind::lockup, kWarning, kernel("(?:rcu: )?INFO: rcu_.*detected stall"),
       "a processor of the guest did not get on for long: the host is overloaded, or the "
       "guest's kernel spins"},
      {CrashKind::lockup, kWarning,
       kernel("INFO: task .+:[0-9]+ blocked for more than [0-9]+ seconds"),
       "a program in the guest waits for a disk or a lock for very long"},
      {CrashKind::oops, kWarning,
       kernel("(?:BUG: (?:scheduling while atomic|sleeping function called|Bad page|Bad rss|"
              "KASAN:|KFENCE:|KCSAN:|spinlock )|WARNING: CPU: [0-9]+ PID: |WARNING: "
              "[\\w/.-]+:[0-9]+ at |"
              "WARNING: possible |UBSAN: )"),
       "the guest's kernel noticed an error of its own and went on"},
      {CrashKind::out_of_memory, kWarning, kernel("Out of memory: Kill(?:ed)? process [0-9]+ "),
       "the guest ran out of memory and killed a program: give the machine more"},
      {CrashKind::out_of_memory, kWarning, kernel("Initramfs unpacking failed: "),
       "the initrd was not unpacked whole: it is damaged, or too large for the memory"},
      {CrashKind::disk_error, kWarning,
       kernel("(?:blk_update_request: |print_req_error: )?(?:critical \\w+ error|I/O error),"
              " dev \\w+, sector "),
       "the guest's disk reported an error: the image is shorter than expected, or the "
       "host's disk is full"},
  };
}

constexpr std::array<std::string_view, 2> kBanners{
    "\\[ +0\\.000000\\](?:\\[ *T0\\])? Linux version [0-9]",
    "^SeaBIOS \\(version ",
};

}  // namespace

std::string_view to_string(CrashKind kind) noexcept {
  constexpr std::array<std::string_view, 13> kNames{
      "panic",    "oops",      "no_root",    "no_init", "init_died",  "out_of_memory", "no_boot",
      "firmware", "emergency", "reset_loop", "lockup",  "disk_error", "declared"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::span<const CrashPattern> crash_patterns() {
  static const std::vector<CrashPattern> kPatterns = make_patterns();
  return kPatterns;
}

std::span<const std::string_view> boot_banners() noexcept {
  return kBanners;
}

}  // namespace vmfleet::console
