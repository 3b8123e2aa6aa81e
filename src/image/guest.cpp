// SPDX-License-Identifier: MIT
// The contents of the `tiny` guest.
#include <image/guest.hpp>

#include <array>

#include <vmfleet/base/text.hpp>

#include <image/decompress.hpp>
#include <image/elf.hpp>
#include <image/guest_files.hpp>
#include <image/libraries.hpp>
#include <vmfleet/image/initrd.hpp>

namespace vmfleet::image {
namespace {

// Counted up when this file, or a program of relay/ or renewal/, changes what is built.
constexpr std::string_view kRecipe = "8";

constexpr std::array kArchs{
    GuestArch{"x86_64",
              "amd64",
              "x86_64-linux-gnu",
              "ttyS0",
              {"linux-image-amd64", "linux-image-generic"}},
    GuestArch{"aarch64",
              "arm64",
              "aarch64-linux-gnu",
              "ttyAMA0",
              {"linux-image-arm64", "linux-image-generic"}},
};

constexpr std::array<std::string_view, 4> kFolders{"usr/bin", "bin", "usr/sbin", "sbin"};
constexpr std::array<std::string_view, 3> kOptionalPrograms{"dropbear", "dropbearkey", "qemu-ga"};

std::string find_program(const FileSource& source, std::string_view name) {
  for (const std::string_view folder : kFolders) {
    const std::string path = std::string(folder) + "/" + std::string(name);
    if (source.read(path)) return path;
  }
  return {};
}

void add_busybox(InitrdWriter& initrd, const FileSource& source) {
  const std::string path = find_program(source, "busybox");
  if (path.empty()) throw Error(ErrorKind::not_found, "program busybox is missing");
  const std::string busybox = *source.read(path);
  const auto elf = ElfFile::parse(busybox);
  if (!elf || !elf->interpreter().empty()) {
    throw Error(ErrorKind::not_found, "busybox is not a static program")
        .hint("install the package busybox-static");
  }
  initrd.file("bin/busybox", busybox, 0755);
  // The shell finds its applets by itself; these are called by the kernel, scripts and init.
  for (const auto* applet :
       {"bin/sh", "bin/mount", "bin/cttyhack", "bin/umount", "sbin/init", "bin/modprobe"}) {
    initrd.symlink(applet, "/bin/busybox");
  }
}

void add_programs(InitrdWriter& initrd, const FileSource& source, std::string_view triplet) {
  std::vector<std::string> programs;
  for (const std::string_view name : kOptionalPrograms) {
    std::string path = find_program(source, name);
    if (path.empty()) continue;
    initrd.file(path, *source.read(path), 0755);
    programs.push_back(std::move(path));
  }
  for (const auto& [path, contents] : find_libraries(source, programs, triplet)) {
    initrd.file(path, contents, 0755);
  }
}

// Checking signatures costs an emulated guest as much again as loading the modules, and nothing
// here could sign a bad one out. *Source*: Linux include/linux/module_signature.h.
void remove_signature(std::string& module) {
  constexpr std::string_view kMagic = "~Module signature appended~\n";
  constexpr std::size_t kTrailer = 12;  // ends in the length of the signature, big-endian
  if (module.size() < kMagic.size() + kTrailer) return;
  const std::size_t trailer = module.size() - kMagic.size();
  if (std::string_view(module).substr(trailer) != kMagic) return;
  std::size_t length = kTrailer;
  std::size_t signature = 0;
  for (std::size_t i = trailer - 4; i < trailer; ++i) {
    signature = signature << 8 | static_cast<unsigned char>(module[i]);
  }
  length += signature;
  if (length <= trailer) module.resize(trailer - length);
}

void add_modules(InitrdWriter& initrd, const LoadedModules& modules, const std::string& version) {
  const std::string folder = "lib/modules/" + version + "/";
  for (const auto& [name, contents] : modules.contents) {
    initrd.file(folder + name + ".ko", contents);
  }
  initrd.file(folder + "modules.dep", modules_dep(modules.infos).value());
  initrd.file(folder + "modules.alias", modules_alias(modules.infos));
}

// Our own programs. Guests of other architectures have no generation id to be cloned with, and on
// other hosts there is no compiler for them: the agent renews clones, and has its port itself.
#if defined(__x86_64__)
constexpr std::string_view kArchOfPrograms = "x86_64";
constexpr unsigned char kRelay[] = {
#include "image/relay_bytes.inc"
};
constexpr unsigned char kRenewal[] = {
#include "image/renewal_bytes.inc"
};
#else
constexpr std::string_view kArchOfPrograms;
constexpr unsigned char kRelay[] = {0};
constexpr unsigned char kRenewal[] = {0};
#endif

template <std::size_t size>
std::string_view bytes_of(const unsigned char (&program)[size]) noexcept {
  return {reinterpret_cast<const char*>(program), size};
}

}  // namespace

const GuestArch& guest_arch(std::string_view name) {
  for (const GuestArch& arch : kArchs) {
    if (arch.name == name) return arch;
  }
  throw Error(ErrorKind::invalid_config,
              "there is no tiny guest for the architecture '" + sanitize(name) + "'")
      .hint("x86_64 and aarch64 are known");
}

const std::vector<std::string>& guest_modules() {
  static const std::vector<std::string> kModules{
      // virtio, and what each device needs
      "virtio", "virtio_ring", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci",
      "virtio_mmio", "failover", "net_failover", "virtio_net", "virtio_blk", "virtio_console",
      "rng_core", "virtio_rng", "virtio_balloon",
      // talking with QEMU
      "qemu_fw_cfg", "pvpanic", "pvpanic_pci", "button", "gpio_keys", "evdev", "vsock",
      "vmw_vsock_virtio_transport_common", "vmw_vsock_virtio_transport",
      // file systems, loaded when something is mounted
      "netfs", "fscache", "9pnet", "9p", "9pnet_virtio", "fat", "vfat", "nls_cp437", "nls_ascii",
      "nls_iso8859_1", "cdrom", "isofs", "crc16", "crc32c_generic", "libcrc32c", "mbcache", "jbd2",
      "ext4", "overlay", "loop"};
  return kModules;
}

LoadedModules load_modules(const FileSource& source, const ModulePaths& paths,
                           const std::vector<std::string>& roots) {
  LoadedModules loaded;
  std::vector<std::string> open;
  for (const std::string& name : roots) {
    if (paths.count(name) != 0) open.push_back(name);
  }
  while (!open.empty()) {
    const std::string name = std::move(open.back());
    open.pop_back();
    if (loaded.infos.count(name) != 0) continue;
    const auto path = paths.find(name);
    auto contents = path == paths.end() ? std::nullopt : source.read(path->second);
    if (!contents) {
      loaded.missing.insert(name);
      continue;
    }
    if (!compression_of(*contents).empty()) contents = decompress(*contents).value();
    remove_signature(*contents);
    auto info = read_module_info(*contents);
    if (!info) throw Error(info.error()).context(path->second);
    open.insert(open.end(), info->depends.begin(), info->depends.end());
    loaded.infos.emplace(name, *std::move(info));
    loaded.contents.emplace(name, *std::move(contents));
  }
  return loaded;
}

std::string build_guest_initrd(const FileSource& source, const LoadedModules& modules,
                               const std::string& kernel_version, const GuestArch& arch) {
  InitrdWriter initrd;
  for (const auto* folder : {"dev", "proc", "sys", "run", "mnt", "var"}) {
    initrd.directory(folder);
  }
  initrd.directory("tmp", 01777);
  initrd.directory("root", 0700);
  initrd.directory("root/.ssh", 0700);
  initrd.file("root/.ssh/authorized_keys", "", 0600);
  initrd.directory("etc/dropbear", 0700);
  initrd.symlink("var/run", "/run");
  // Without it the kernel gives init no standard streams.
  initrd.character_device("dev/console", 5, 1);
  for (const GuestFile& file : kGuestFiles) initrd.file(file.path, file.contents, file.mode);
  initrd.file("etc/shells", "/bin/sh\n");
  initrd.file("etc/hosts", "127.0.0.1 localhost\n");
  add_busybox(initrd, source);
  if (arch.name == kArchOfPrograms) {
    initrd.file("etc/vmfleet/relay", bytes_of(kRelay), 0755);
    initrd.file("etc/vmfleet/renew", bytes_of(kRenewal), 0755);
  }
  add_programs(initrd, source, arch.triplet);
  add_modules(initrd, modules, kernel_version);
  return std::move(initrd).finish();
}

bool guest_has(const FileSource& source, std::string_view program) {
  return !find_program(source, program).empty();
}

std::string recipe_hash() {
  std::string all(kRecipe);
  for (const GuestFile& file : kGuestFiles) all.append(file.path).append(file.contents);
  for (const std::string& name : guest_modules()) all.append(name);
  return short_hash(all);
}

}  // namespace vmfleet::image
