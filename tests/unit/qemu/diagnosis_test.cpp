// SPDX-License-Identifier: MIT
#include <vmfleet/qemu/diagnosis.hpp>

#include <csignal>

#include "qemu/exit_messages.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;

namespace {

struct Death {
  const char* words;  // printed by QEMU 7.2
  ErrorKind kind;
  const char* meaning;
};

constexpr auto kConfig = ErrorKind::invalid_config;
constexpr auto kConflict = ErrorKind::conflict;
constexpr auto kMissing = ErrorKind::not_found;
constexpr auto kUnavailable = ErrorKind::unavailable;
constexpr auto kUnfit = ErrorKind::host_unfit;

const std::vector<Death> kDeaths = {
    {R"(-netdev {"type":"user","id":"n","hostfwd":[{"str":"tcp:127.0.0.1:45671-:22"}]}: Could not set up host forwarding rule 'tcp:127.0.0.1:45671-:22')",
     kConflict, "port is taken"},
    {"-netdev {}: Invalid host forwarding rule 'tcp:127.0.0.1:x-:22' (Bad host port)", kConfig,
     "forward"},
    {R"(-netdev {"type":"socket","mcast":"239.1.2.3:38177"}: can't bind ip=239.1.2.3 to socket: Address already in use)",
     kConflict, "port of a LAN"},
    {R"(-netdev {"type":"socket"}: can't add socket to multicast group 239.1.2.3: No such device)",
     kUnfit, "cannot connect a LAN"},
    {"-gdb tcp:127.0.0.1:45671: Failed to find an available port: Address already in use",
     kConflict, "gdb"},
    {"-device virtio-blk-pci,drive=d: Failed to get \"write\" lock\n"
     "Is another process using the image [/tmp/d.raw]?",
     kConflict, "in use"},
    {"-device {}: Failed to get shared \"write\" lock\nIs another process using the image [/a\nb]?",
     kConflict, "being written"},
    {"cannot create PID file: Cannot lock pid file: Resource temporarily unavailable", kConflict,
     "another QEMU"},
    {"-blockdev {}: Could not open '/x/d.raw': No such file or directory", kMissing,
     "file is missing"},
    {"-blockdev {}: Could not open '/x/d.raw': Permission denied", kUnavailable,
     "may not be opened"},
    {"-blockdev {}: Image is not in qcow2 format", kConfig, "not qcow2"},
    {"-blockdev {}: Could not open backing file: Could not open '/x/base.img': No such file or "
     "directory",
     kMissing, "based on"},
    {"-blockdev {}: Could not open '/tmp': Is a directory", kConfig, "directory"},
    {"-blockdev {}: Could not open '/tmp/d': Read-only file system", kUnavailable, "read-only"},
    {"qemu: could not open kernel file '/x/k': No such file or directory", kMissing, "kernel"},
    {"qemu: could not load kernel '/tmp': Is a directory", kMissing, "kernel"},
    {"Error loading uncompressed kernel without PVH ELF Note", kConfig, "PVH"},
    {"Error while loading elf kernel", kConfig, "ELF"},
    {"qemu: invalid kernel header", kConfig, "kernel is damaged"},
    {"qemu: linux kernel too old to load a ram disk", kConfig, "initrd"},
    {"qemu: initrd is too large, cannot support.(max: 33390591, need 62914560)", kConfig,
     "does not fit"},
    {"qemu: error reading initrd /x/i: Failed to open file \xe2\x80\x9c/x/i\xe2\x80\x9d: open() "
     "failed: No such file or directory",
     kMissing, "initrd"},
    {"-append only allowed with -kernel option", kConfig, "need a kernel"},
    {"unable to find CPU model 'nosuch'", kConfig, "CPU model"},
    {"can't apply global max-x86_64-cpu.nosuch=on: Property 'max-x86_64-cpu.nosuch' not found",
     kConfig, "CPU model"},
    {"CPU model 'host' requires KVM or HVF", kConfig, "needs KVM"},
    {"cannot set up guest memory 'pc.ram': Cannot allocate memory", kUnfit, "memory"},
    {"qemu_prealloc_mem: preallocating memory failed: Bad address", kUnfit, "memory file"},
    {"Could not access KVM kernel module: No such file or directory\n"
     "qemu-system-x86_64: -accel kvm: failed to initialize kvm: No such file or directory",
     kUnfit, "no KVM"},
    {"Could not access KVM kernel module: Permission denied\n"
     "qemu-system-x86_64: -accel kvm: failed to initialize kvm: Permission denied",
     kUnfit, "may not use KVM"},
    {"kvm version too old\nqemu-system-x86_64: -accel kvm: failed to initialize kvm: "
     "Inappropriate ioctl for device",
     kUnfit, "not a working KVM"},
    {"-accel nosuch: invalid accelerator nosuch", kUnfit, "without that accelerator"},
    {"-nosuchoption: invalid option", kConfig, "option"},
    {"-kernel: requires an argument", kConfig, "argument"},
    {"-device {}: 'nosuch-device' is not a valid device model name", kConfig, "no such device"},
    {"-device {}: Property 'virtio-rng-pci.nosuch' not found", kConfig, "property"},
    {"-device {}: Property 'virtio-net-device.mac' doesn't take value 'zz'", kConfig, "value"},
    {"-device virtio-rng-pci: No 'PCI' bus found for device 'virtio-rng-pci'", kConfig, "bus"},
    {"-device virtio-rng-pci,addr=5: PCI: slot 5 function 0 not available for virtio-rng-pci, in "
     "use by virtio-rng-pci,id=(null)",
     kConfig, "slot"},
    {"-device virtio-rng-pci,id=a: Duplicate ID 'a' for device", kConfig, "same id"},
    {"unsupported machine type\nUse -machine help to list supported machines", kConfig,
     "machine type"},
    {"Property 'pc-q35-7.2-machine.nosuch' not found", kConfig, "property"},
    {"Invalid SMP CPUs 5000. The max CPUs supported by machine 'pc-i440fx-7.2' is 255", kConfig,
     "CPUs"},
    {"-drive x: Could not create temporary overlay '/tmp/vl.7NC': Could not write qcow2 header: No "
     "space left on device",
     kUnavailable, "full"},
    {"cannot create PID file: Failed to write pid file", kUnavailable, "full"},
    {"failed to create signalfd: Too many open files", kUnfit, "descriptors"},
    {"Failed to open /dev/null for OFD lock probing: Too many open files\n"
     "qemu-system-x86_64: -blockdev raw: Could not open '/tmp/d.raw': Too many open files",
     kUnfit, "descriptors"},
    {"failed to open module: /usr/lib/qemu/accel-tcg-x86_64.so: cannot open shared object file: "
     "Too many open files\nqemu-system-x86_64: fatal: could not load module for type "
     "'tcg-accel-ops'",
     kUnfit, "descriptors"},
    {"/boot/vmlinux: Too many open files\nqemu-system-x86_64: Error while loading elf kernel",
     kUnfit, "descriptors"},
    {"qemu: qemu_thread_create: Resource temporarily unavailable", kUnfit, "threads"},
    {"qemu: could not load PC BIOS '/x/bios'", kMissing, "firmware"},
    {"-device virtio-9p-pci: cannot initialize fsdev 'f': failed to open '/x': No such file or "
     "directory",
     kMissing, "missing"},
    {"-fw_cfg name=opt/a: duplicate fw_cfg file name: opt/a", kConfig, "same name"},
    {"-blockdev {}: Parameter 'nosuch' is unexpected", kConfig, "parameter"},
    {"-chardev file: Invalid parameter 'nosuch'", kConfig, "parameter"},
    {"qemu: module ui-ui-gtk not found, do you want to install qemu-system-gui package?", kUnfit,
     "module"},
    {"-netdev {}: could not open /dev/net/tun: Permission denied", kUnfit, "tap"},
    {"Not a migration stream\nqemu-system-x86_64: load of migration failed: Invalid argument",
     ErrorKind::corrupt, "damaged"},
    {"can't open backing store /x for guest RAM: No such file or directory", kMissing,
     "memory file"},
    {"Machine memory size does not match the size of the memory backend", kConfig, "another size"},
    {"-blockdev {: JSON parse error, stray '\"/tmp/'", kConfig, "UTF-8"},
};

}  // namespace

TEST_CASE("an early death is classed, explained, and told in QEMU's own words") {
  for (const Death& death : kDeaths) {
    const std::string text = "qemu-system-x86_64: " + std::string(death.words) + "\n";
    INFO(text);
    const Error error = diagnose_exit(text, 1);
    INFO(error.message());
    REQUIRE(error.kind() == death.kind);
    REQUIRE_THAT(error.message(), ContainsSubstring(death.meaning));
    REQUIRE_FALSE(error.evidence().empty());
    REQUIRE(error.evidence()[0].rfind("qemu-system-x86_64: ", 0) == 0);
  }
}

TEST_CASE("a warning is not the cause") {
  const Error error = diagnose_exit(
      "qemu-system-x86_64: warning: Could not open '/dev/x': No such file or directory\n"
      "qemu-system-x86_64: unable to find CPU model 'x'\n",
      1);
  REQUIRE_THAT(error.message(), ContainsSubstring("CPU model"));
  REQUIRE(error.evidence().size() == 2);
}

TEST_CASE("an unknown end is told with its status and last words") {
  const Error error = diagnose_exit("something new\n", 1);
  REQUIRE(error.kind() == ErrorKind::exited);
  REQUIRE(error.message() == "QEMU exited with status 1");
  REQUIRE(error.evidence() == std::vector<std::string>{"something new"});
  REQUIRE(diagnose_exit("", 1).evidence().empty());
}

TEST_CASE("an orderly exit is not explained by what was printed before it") {
  const Error error = diagnose_exit("qemu: Permission denied\n", 0);
  REQUIRE(error.kind() == ErrorKind::exited);
  REQUIRE_THAT(error.message(), ContainsSubstring("status 0"));
  REQUIRE_THAT(
      diagnose_exit("qemu-system-x86_64: terminating on signal 15 from pid 7 (bash)", 0).what(),
      ContainsSubstring("told to end"));
}

TEST_CASE("a signal is named, with the likely reason") {
  REQUIRE_THAT(diagnose_exit("", 0, SIGKILL).hint(), ContainsSubstring("memory"));
  REQUIRE(diagnose_exit("", 0, SIGSYS).kind() == ErrorKind::host_unfit);
  REQUIRE_THAT(diagnose_exit("", 0, SIGSEGV).what(), ContainsSubstring("signal 11"));
  const Error threads =
      diagnose_exit("qemu: qemu_thread_create: Resource temporarily unavailable\n", 0, SIGABRT);
  REQUIRE(threads.kind() == ErrorKind::host_unfit);
}

TEST_CASE("a binary that could not run is the host's fault") {
  REQUIRE(diagnose_exit("", 127).kind() == ErrorKind::host_unfit);
  REQUIRE(diagnose_exit("qemu: error while loading shared libraries: libx.so: cannot open", 127)
              .kind() == ErrorKind::host_unfit);
}

TEST_CASE("evidence is short and has no power over the terminal") {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "line " + std::to_string(i) + "\r\n";
  text += "\x1b[2Jlast\n";
  const Error error = diagnose_exit(text, 1);
  REQUIRE(error.evidence().size() == 10);
  REQUIRE(error.evidence().back() == "\\x1b[2Jlast");
  REQUIRE(error.evidence().front() == "line 91");
}
