// SPDX-License-Identifier: MIT
// Each message was provoked on QEMU 7.2; rows marked 10 are worded so since a later version.
#include "qemu/exit_messages.hpp"

namespace vmfleet::qemu {
namespace {

constexpr auto kConfig = ErrorKind::invalid_config;
constexpr auto kUnavailable = ErrorKind::unavailable;
constexpr auto kUnfit = ErrorKind::host_unfit;
constexpr auto kMissing = ErrorKind::not_found;
constexpr auto kConflict = ErrorKind::conflict;

constexpr std::string_view kFreePort = "leave the host's port out and QEMU picks a free one";
constexpr std::string_view kDescriptors =
    "raise the limit: ulimit -n 4096, or start fewer machines";
constexpr std::string_view kKernelFormats =
    "a Linux bzImage, an ELF file with a PVH note, or a 32-bit multiboot ELF file";
constexpr std::string_view kUseTcg = "use accel = \"tcg\" (slower, works everywhere)";

constexpr ExitMessage kMessages[] = {
    // The host's limits: the same words can follow the name of any file.
    {"Too many open files", kUnfit, "QEMU ran out of file descriptors", kDescriptors},
    {"cannot set up guest memory", kUnfit, "the host cannot provide the guest's memory",
     "give the machine less memory, or start fewer machines at once"},
    {"preallocating memory failed", kUnfit, "the memory file does not fit on its file system",
     "free space there (df), or give the machine less memory"},
    {"No space left on device", kUnavailable, "the disk is full",
     "free space on the file system of the state directory (df)"},
    {"Failed to write pid file", kUnavailable, "the pid file cannot be written: the disk is full",
     "free space on the file system of the state directory (df)"},
    {"Disk quota exceeded", kUnavailable, "the disk quota is used up", "free some space"},
    {"qemu_thread_create", kUnfit, "the host allows no more threads",
     "raise the limit (ulimit -u, or the container's pids limit), or start fewer machines"},
    {"Read-only file system", kUnavailable,
     "a file that must be written is on a read-only file system",
     "use mode = \"read-only\" or \"overlay\" for the disk, or another state directory"},

    // Accelerators.
    {"Could not access KVM kernel module: No such file", kUnfit, "this host has no KVM", kUseTcg},
    {"Could not access KVM kernel module: Permission denied", kUnfit, "this user may not use KVM",
     "join the group \"kvm\", or use accel = \"tcg\""},
    {"kvm version too old", kUnfit, "/dev/kvm is not a working KVM device", kUseTcg},
    {"failed to initialize kvm", kUnfit, "KVM cannot be used here", kUseTcg},
    {"failed to initialize KVM", kUnfit, "KVM cannot be used here", kUseTcg},
    {"invalid accelerator", kUnfit, "this QEMU was built without that accelerator",
     "use accel = \"tcg\""},
    {"requires KVM", kConfig, "the CPU model needs KVM", "use cpu = \"max\""},

    // Ports and files that somebody else has.
    {"Could not set up host forwarding rule", kConflict,
     "a forwarded port is taken, privileged, or not on an address of this host", kFreePort},
    {"Invalid host forwarding rule", kConfig, "a forward is not one that QEMU understands",
     "write it as [NAME:][[ADDRESS:]HOST:]GUEST[/udp]"},
    {"Failed to find an available port", kConflict, "the gdb stub's port is taken",
     "choose another port for gdb"},
    {"can't bind ip=", kConflict, "the port of a LAN is taken by another program",
     "give the LAN another name: its port follows from it"},
    {"can't add socket to multicast group", kUnfit, "this host cannot connect a LAN",
     "bring its loopback interface up: ip link set lo up"},
    {"Address already in use", kConflict, "an address is taken by another process", kFreePort},
    {"Failed to get \"write\" lock", kConflict, "a disk image is in use by another process",
     "use mode = \"overlay\" or \"read-only\", or stop the machine that has it"},
    {"Failed to get shared \"write\" lock", kConflict,
     "a disk image is being written by another process",
     "use mode = \"overlay\" or \"read-only\", or stop the machine that has it"},
    {"Failed to get \"consistent read\" lock", kConflict,
     "a disk image is in use by another process", "stop the machine that has it"},
    {"Cannot lock pid file", kConflict, "another QEMU runs this machine already",
     "look at vmfleet ps, or remove that process"},

    // The kernel.
    {"could not open kernel file", kMissing, "the kernel cannot be opened",
     "check the path and its permissions"},
    {"could not load kernel", kMissing, "the kernel cannot be read", kKernelFormats},
    {"without PVH ELF Note", kConfig, "the kernel is an ELF file without a PVH entry",
     kKernelFormats},
    {"Error while loading elf kernel", kConfig, "the kernel is a damaged or foreign ELF file",
     kKernelFormats},
    {"invalid kernel header", kConfig, "the kernel is damaged or not a Linux kernel",
     kKernelFormats},
    {"kernel too old to load a ram disk", kConfig, "the kernel cannot use an initrd",
     kKernelFormats},
    {"initrd is too large", kConfig, "the initrd does not fit into the guest's memory",
     "give the machine more memory"},
    {"error reading initrd", kMissing, "the initrd cannot be read",
     "check the path and its permissions"},
    {"could not load initrd", kMissing, "the initrd cannot be read",
     "check the path and its permissions"},
    {"only allowed with -kernel", kConfig, "an initrd or kernel arguments need a kernel",
     "set kernel"},
    {"could not load PC BIOS", kMissing, "the firmware cannot be loaded",
     "check the path, and install seabios if it is the default one"},
    {"Could not find ROM image", kMissing, "the firmware cannot be found", "check the path"},
    {"failed to find romfile", kMissing, "a device's ROM is not installed",
     "install QEMU's data files (qemu-system-data, ipxe-qemu)"},

    // The machine.
    {"unable to find CPU model", kConfig, "QEMU does not know the CPU model",
     "use cpu = \"max\"; qemu-system-<arch> -cpu help lists them"},
    {"can't apply global", kConfig, "the CPU model has no such property",
     "qemu-system-<arch> -cpu help lists them"},
    {"unsupported machine type", kConfig, "QEMU does not know the machine type",
     "use machine = \"q35\"; qemu-system-<arch> -machine help lists them"},
    {"Invalid SMP CPUs", kConfig, "the machine type does not support that many CPUs",
     "use fewer cpus"},
    {"Invalid CPU topology", kConfig, "the CPU topology does not add up", "set cpus only"},
    {"Machine memory size does not match", kConfig, "the memory file has another size",
     "give the machine as much memory as the file has"},
    {"can't open backing store", kMissing, "the memory file cannot be opened", "check its path"},
    {"Not a migration stream", ErrorKind::corrupt, "the saved state is damaged",
     "remove the template and make it again"},
    {"load of migration failed", kConfig, "the saved state belongs to another machine",
     "a clone must have the template's devices, memory and QEMU"},

    // Devices and options.
    {"Failed to open module", kUnfit, "QEMU's module is not installed",
     "install the package that the message names"},
    {"do you want to install", kUnfit, "QEMU's module is not installed",
     "install the package that the message names"},
    {"could not load module", kUnfit, "QEMU's installation is incomplete", "install QEMU again"},
    {"error while loading shared libraries", kUnfit, "QEMU's installation is incomplete",
     "install QEMU again"},
    {"sandbox support is not enabled", kUnfit, "this QEMU was built without a sandbox",
     "run vmfleet doctor, which looks at the binary again"},
    {"invalid option", kConfig, "QEMU does not know an option", "check qemu_args"},
    {"requires an argument", kConfig, "an option lacks its argument", "check qemu_args"},
    {"is not a valid device model name", kConfig, "QEMU has no such device",
     "qemu-system-<arch> -device help lists them"},
    {"bus found for device", kConfig, "the machine type has no bus for a device",
     "use machine = \"q35\""},
    {"not available for", kConfig, "a PCI slot is taken", "choose another pci_address"},
    {"Duplicate ID", kConfig, "two devices have the same id", "check the ids and qemu_args"},
    {"duplicate fw_cfg file name", kConfig, "two fw_cfg entries have the same name",
     "check qemu_args and what is injected"},
    {"does not contain a multicast address", kConfig, "a LAN's address is not a multicast one",
     "take one of 239.0.0.0 to 239.255.255.255, or a [[net]] of type \"lan\""},
    {"could not open /dev/net/tun", kUnfit, "this user may not make tap interfaces",
     "use a \"user\" or \"lan\" network, or run with the right to use /dev/net/tun"},
    {"could not configure /dev/net/tun", kUnfit, "the tap interface cannot be used",
     "make it beforehand, owned by this user"},

    {"vhost-vsock: failed to open vhost device", kUnfit, "this host offers no vsock to guests",
     "load its driver: modprobe vhost_vsock, and allow this user /dev/vhost-vsock"},
    {"vhost-vsock: unable to set guest cid", kConflict, "another machine has that vsock address",
     "choose another number for vsock"},

    // Images and other files, after everything that also speaks of opening.
    {"Could not open backing file", kMissing, "the file that a disk image is based on is missing",
     "qemu-img info shows which; qemu-img rebase -u changes it"},
    {"Image is not in qcow2 format", kConfig, "the disk image is not qcow2",
     "set format = \"raw\""},
    {"No such file or directory", kMissing, "a file is missing", "check the path"},
    {"Permission denied", kUnavailable, "a file may not be opened", "check its permissions"},
    {"Is a directory", kConfig, "a path names a directory", "name a file"},
    {"Bus '", kConfig, "a device names a bus that the machine has not",
     "check bus= in qemu_args; another machine type may have it"},
    {"' not found", kConfig, "QEMU does not know a property",
     "check qemu_args and the QEMU version"},
    {"doesn't take value", kConfig, "QEMU refuses a property's value", "check qemu_args"},
    {"does not accept value", kConfig, "QEMU refuses a value", "check qemu_args"},
    {"can't find value", kConfig, "a device refers to something that is not there",
     "check the ids in qemu_args"},
    {"is unexpected", kConfig, "QEMU does not know a parameter", "check qemu_args"},
    {"Invalid parameter", kConfig, "QEMU does not know a parameter", "check qemu_args"},
    {"Parameter '", kConfig, "QEMU refuses a parameter", "check qemu_args"},
    {"JSON parse error", kConfig, "a value is not UTF-8", "rename the file"},
};

}  // namespace

const ExitMessage* find_exit_message(std::string_view line) noexcept {
  for (const ExitMessage& message : kMessages) {
    if (line.find(message.words) != std::string_view::npos) return &message;
  }
  return nullptr;
}

}  // namespace vmfleet::qemu
