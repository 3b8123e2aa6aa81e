// SPDX-License-Identifier: MIT
// Checks of the host: QEMU, KVM, memory, limits, folders.
#include "cli/host_checks.hpp"

#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>

#include <fmt/format.h>

#include <fleet/host_limits.hpp>
#include <vmfleet/base/unique_fd.hpp>
#include <vmfleet/base/units.hpp>
#include <vmfleet/image/image_store.hpp>
#include <vmfleet/instance/log_keeper.hpp>
#include <vmfleet/machine/host_qemu.hpp>

namespace vmfleet::cli {

namespace {

using Status = Check::Status;

Check check_qemu() {
  const Arch arch = parse_arch(host_arch()).value();
  const auto binary = find_host_qemu("", arch);
  if (!binary.ok()) {
    return Check("qemu", Status::fail, binary.error().message(), binary.error().hint());
  }
  return Check("qemu", Status::ok,
               fmt::format("{} {}", binary->path.string(), to_string(binary->version)));
}

Check check_kvm(const std::optional<KvmState>& tried) {
  const UniqueFd fd(::open("/dev/kvm", O_RDWR | O_CLOEXEC));
  if (!fd) {
    const int error = errno;
    return Check("kvm", Status::warn,
                 fmt::format("/dev/kvm: {}; machines are emulated (TCG)", std::strerror(error)),
                 error == EACCES ? "to use it, join the group kvm: usermod -aG kvm USER"
                                 : "turn on virtualization in the firmware, or nested "
                                   "virtualization in the host of this virtual machine");
  }
  if (::ioctl(fd.get(), KVM_GET_API_VERSION, 0) != KVM_API_VERSION) {
    return Check("kvm", Status::warn, "/dev/kvm opens but does not answer as KVM does");
  }
  if (!tried) {
    return Check("kvm", Status::ok, "/dev/kvm answers; without QEMU no guest could be tried on it");
  }
  if (tried->usable) return Check("kvm", Status::ok, "/dev/kvm runs guests: one was tried");
  return Check(
      "kvm", Status::warn,
      fmt::format("/dev/kvm does not run guests: {}; machines are emulated (TCG)", tried->reason),
      "where this is a virtual machine, its host's nested virtualization is at fault");
}

Check check_memory() {
  const auto available = available_memory();
  if (!available) return Check("memory", Status::warn, "/proc/meminfo does not say");
  const auto mebi = available->count() >> 20;
  const std::string message =
      fmt::format("{} MiB available: {} machines of 256M", mebi, mebi / 300);
  if (mebi < 300) return Check("memory", Status::fail, message, "free some, or use --memory 64M");
  return Check("memory", mebi < 2400 ? Status::warn : Status::ok, message);
}

std::uint64_t read_number(const char* path) {
  std::ifstream file(path);
  std::uint64_t number = 0;
  file >> number;
  return number;
}

Check check_inotify() {
  const UniqueFd fd(::inotify_init1(IN_CLOEXEC));
  if (!fd) {
    return Check("inotify", Status::fail, fmt::format("no instance left: {}", std::strerror(errno)),
                 "raise it: sysctl fs.inotify.max_user_instances=512");
  }
  const auto watches = read_number("/proc/sys/fs/inotify/max_user_watches");
  const std::string message = fmt::format("{} watches, {} instances allowed", watches,
                                          read_number("/proc/sys/fs/inotify/max_user_instances"));
  if (watches < 4096) {
    return Check("inotify", Status::warn, message,
                 "raise it: sysctl fs.inotify.max_user_watches=65536");
  }
  return Check("inotify", Status::ok, message);
}

Check check_descriptors() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const std::string message = fmt::format("{} descriptors per process", limit.rlim_cur);
  if (limit.rlim_cur < 256) {
    return Check("descriptors", Status::fail, message, "raise it: ulimit -n 1024");
  }
  return Check("descriptors", limit.rlim_cur < 1024 ? Status::warn : Status::ok, message);
}

/// Whether files can be made there, and who else can look; nothing is left behind.
Check check_folder(const std::string& name, const std::filesystem::path& folder, mode_t forbidden,
                   const std::string& hint) {
  // The nearest folder that exists decides: looking makes none.
  std::filesystem::path nearest = folder;
  std::error_code ignored;
  while (!std::filesystem::exists(nearest, ignored) && nearest.has_relative_path()) {
    nearest = nearest.parent_path();
  }
  struct stat info {};
  if (::stat(nearest.c_str(), &info) != 0 || !S_ISDIR(info.st_mode) ||
      ::access(nearest.c_str(), W_OK | X_OK) != 0) {
    const int error = S_ISDIR(info.st_mode) ? errno : ENOTDIR;
    return Check(name, Status::fail,
                 fmt::format("{} cannot be written: {}", nearest.string(), std::strerror(error)),
                 hint);
  }
  if (nearest != folder) {
    return Check(name, Status::ok, fmt::format("{} (will be made)", folder.string()));
  }
  if ((info.st_mode & forbidden) != 0) {
    return Check(
        name, Status::fail,
        fmt::format("{} is open to other users ({:o})", folder.string(), info.st_mode & 0777),
        fmt::format("close it: chmod 700 {}", folder.string()));
  }
  return Check(name, Status::ok, folder.string());
}

/// Whether the space of a log's oldest part can be had back there.
Check check_log_limit(std::filesystem::path folder) {
  std::error_code ignored;
  while (!std::filesystem::exists(folder, ignored) && folder.has_relative_path()) {
    folder = folder.parent_path();
  }
  const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const auto problem = fd ? log_limit_problem(fd.get()) : std::nullopt;
  if (!problem) return Check("logs", Status::ok, "logs are kept short as they grow");
  return Check("logs", Status::warn, problem->message(), problem->hint());
}

Check check_image() {
  const auto tiny = ImageStore().find("tiny", host_arch());
  if (tiny) {
    return Check("image", Status::ok,
                 fmt::format("tiny, kernel {}, made {}", tiny->kernel_version, tiny->created));
  }
  return Check("image", Status::ok, "tiny is not built yet: the first vmfleet up does it");
}

}  // namespace

std::string_view word_of(Check::Status status) noexcept {
  if (status == Status::ok) return "ok";
  return status == Status::warn ? "warn" : "fail";
}

std::vector<Check> check_host(const std::filesystem::path& state_root,
                              const std::filesystem::path& cache_root,
                              const std::optional<KvmState>& kvm) {
  std::vector<Check> checks;
  checks.push_back(check_qemu());
  checks.push_back(check_kvm(kvm));
  checks.push_back(check_memory());
  checks.push_back(check_inotify());
  checks.push_back(check_descriptors());
  checks.push_back(check_folder("state", state_root, 0077, "name another: --state-dir DIR"));
  checks.push_back(check_log_limit(state_root));
  checks.push_back(check_folder("cache", cache_root, 0022, "name another: XDG_CACHE_HOME=DIR"));
  checks.push_back(check_image());
  return checks;
}

}  // namespace vmfleet::cli
