// SPDX-License-Identifier: MIT
// The `tiny` image: kernel, modules and programs put together.
#include <image/tiny.hpp>

#include <algorithm>
#include <ctime>

#include <vmfleet/base/text.hpp>
#include <vmfleet/image/kernel_image.hpp>
#include <vmfleet/io/files.hpp>

#include <image/guest_files.hpp>
#include <image/image_file.hpp>
#include <image/staged_file.hpp>

namespace vmfleet::image {
namespace {

constexpr std::string_view kAppend = "panic=-1 quiet cryptomgr.notests";
// What emulation makes slow on x86, 0.3 s of 1.65 s to the first line of init: patching lock
// prefixes; write-protecting and checking the kernel's text; zeroing what is allocated; grace
// periods that wait for a tick (packet sockets, so DHCP). And string instructions that copy byte by
// byte, the fastest way on real processors only: 0.1 s. And what wakes it while it is idle, to
// suspect a lockup when it is the host that is busy.
constexpr std::string_view kAppendEmulatedX86 =
    "noreplace-smp rodata=off init_on_alloc=0 rcupdate.rcu_expedited=1 clearcpuid=erms,fsrm "
    "nowatchdog";
// Calibrating the local APIC timer takes 0.1 s; one processor does as well with the HPET.
constexpr std::string_view kAppendOneEmulatedCpuX86 = "nolapic_timer";
// On arm64 only one thing is worth it: page tables that change with each system call, against a
// leak that emulated processors do not have, cost a tenth of the boot. It has that watchdog, too.
constexpr std::string_view kAppendEmulatedArm64 = "kpti=0 mitigations=off nowatchdog";
constexpr Bytes kMemory = Bytes::mebi(256);

constexpr std::string_view kModulesFolder = "lib/modules/";

/// "lib/modules/6.1.0/kernel/x.ko" for "usr/lib/modules/…" too.
std::string_view without_usr(std::string_view path) noexcept {
  return path.starts_with("usr/") ? path.substr(4) : path;
}

bool is_library(std::string_view path) noexcept {
  const std::string_view inner = without_usr(path);
  return inner.starts_with("lib") && !inner.starts_with(kModulesFolder) &&
         path.find(".so") != std::string_view::npos;
}

bool is_program(std::string_view path) noexcept {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return name == "busybox" || name == "dropbear" || name == "dropbearkey" || name == "qemu-ga";
}

bool is_kernel(std::string_view path) noexcept {
  return path.starts_with("boot/vmlinu") || path.starts_with("boot/Image");
}

/// "6.1.0-56-amd64" for "boot/vmlinuz-6.1.0-56-amd64".
std::string version_of(std::string_view kernel) {
  const auto dash = kernel.find('-');
  return dash == std::string_view::npos ? std::string() : std::string(kernel.substr(dash + 1));
}

std::string now_utc() {
  const std::time_t now = std::time(nullptr);
  std::tm fields{};
  ::gmtime_r(&now, &fields);
  char text[sizeof "2026-01-31T12:00:00Z"];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &fields);
  return text;
}

/// Puts together what both kinds of source have found.
BuiltImage assemble(const GuestArch& arch, const FileSource& source, const LoadedModules& modules,
                    std::string_view packed_kernel, const std::string& version) {
  if (!modules.missing.empty()) {
    throw Error(ErrorKind::not_found, "kernel module " + *modules.missing.begin() + " is missing");
  }
  BuiltImage built;
  built.kernel = unpack_kernel(packed_kernel).value();
  if (!boots_unpacked(built.kernel)) built.kernel = packed_kernel;
  built.initrd = build_guest_initrd(source, modules, version, arch);
  Image& image = built.image;
  image.name = "tiny";
  image.arch = arch.name;
  image.kernel_version = version;
  image.append = "console=" + std::string(arch.console) + " " + std::string(kAppend);
  if (arch.name == "x86_64") {
    image.append_emulated = kAppendEmulatedX86;
    image.append_one_emulated_cpu = kAppendOneEmulatedCpuX86;
  } else {
    image.append_emulated = kAppendEmulatedArm64;
  }
  image.memory = kMemory;
  image.ready_marker = kReadyMarker;
  image.has_sshd = guest_has(source, "dropbear");
  image.has_agent = guest_has(source, "qemu-ga");
  image.created = now_utc();
  image.recipe = recipe_hash();
  image.hash = short_hash(built.kernel + built.initrd);
  return built;
}

ModulePaths module_paths(const PackageTree& tree) {
  ModulePaths paths;
  for (const auto& [path, contents] : tree.files()) {
    std::string name = module_name(path);
    if (!name.empty()) paths.emplace(std::move(name), path);
  }
  return paths;
}

ModulePaths module_paths(const std::filesystem::path& root, const std::string& version) {
  ModulePaths paths;
  const std::filesystem::path folder = root / kModulesFolder / version;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    std::string name = module_name(entry.path().string());
    if (!name.empty()) {
      paths.emplace(std::move(name), entry.path().lexically_relative(root).string());
    }
  }
  return paths;
}

}  // namespace

BuiltImage build_from_packages(const GuestArch& arch,
                               const std::vector<std::filesystem::path>& debs) {
  std::set<std::string> wanted(guest_modules().begin(), guest_modules().end());
  const auto is_wanted = [&](std::string_view path) {
    const std::string module = module_name(path);
    if (!module.empty()) return wanted.count(module) != 0;
    return is_kernel(path) || is_library(path) || is_program(path);
  };
  PackageTree tree;
  std::vector<std::pair<std::string, std::string>> packages;
  std::vector<std::filesystem::path> kernel_debs;
  for (const auto& deb : debs) {
    const PackageInfo info = tree.add_package(deb, is_wanted);
    packages.emplace_back(info.name, info.version);
    if (info.name.starts_with("linux-")) kernel_debs.push_back(deb);
  }
  LoadedModules modules = load_modules(tree, module_paths(tree), guest_modules());
  // Dependencies that the list does not foresee: read again what holds the modules.
  while (!modules.missing.empty()) {
    const auto known = wanted.size();
    wanted.insert(modules.missing.begin(), modules.missing.end());
    if (wanted.size() == known) break;
    for (const auto& deb : kernel_debs) tree.add_package(deb, is_wanted);
    modules = load_modules(tree, module_paths(tree), guest_modules());
  }
  const auto kernel = std::find_if(tree.files().begin(), tree.files().end(),
                                   [](const auto& file) { return is_kernel(file.first); });
  if (kernel == tree.files().end()) throw Error(ErrorKind::not_found, "no package holds a kernel");
  BuiltImage built = assemble(arch, tree, modules, kernel->second, version_of(kernel->first));
  std::sort(packages.begin(), packages.end());
  built.image.packages = std::move(packages);
  return built;
}

BuiltImage build_from_host(const GuestArch& arch, const std::filesystem::path& root) {
  std::vector<std::string> kernels;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(root / "boot", ignored)) {
    std::string path = entry.path().lexically_relative(root).string();
    const std::string version = version_of(path);
    if (is_kernel(path) && !version.empty() &&
        std::filesystem::is_directory(root / kModulesFolder / version, ignored)) {
      kernels.push_back(std::move(path));
    }
  }
  std::sort(kernels.rbegin(), kernels.rend());
  const HostTree tree(root);
  std::vector<std::string> reasons;
  for (const std::string& path : kernels) {
    try {
      const std::string version = version_of(path);
      const auto modules = load_modules(tree, module_paths(root, version), guest_modules());
      return assemble(arch, tree, modules, tree.read(path).value_or(""), version);
    } catch (const Error& error) {
      reasons.emplace_back("/" + path + ": " + error.message());
    }
  }
  if (reasons.empty()) {
    reasons.emplace_back("/boot has no kernel whose modules are in /lib/modules");
  }
  throw Error(ErrorKind::host_unfit, "the host's own kernel and programs cannot make a guest")
      .evidence_lines(reasons);
}

void write_image(BuiltImage& built, const std::filesystem::path& directory) {
  Image& image = built.image;
  image.directory = directory;
  image.kernel = directory / kKernelFile;
  image.initrd = directory / kInitrdFile;
  const std::pair<std::filesystem::path, std::string*> contents[]{{image.kernel, &built.kernel},
                                                                  {image.initrd, &built.initrd}};
  for (const auto& [path, bytes] : contents) {
    StagedFile file(path, 0600);
    file.append(*bytes);
    file.commit();
  }
  save_image(image);
}

}  // namespace vmfleet::image
