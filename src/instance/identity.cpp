// SPDX-License-Identifier: MIT
// Finding QEMU by what it holds.
#include <vmfleet/instance/identity.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <memory>
#include <string>

#include <vmfleet/base/unique_fd.hpp>

namespace vmfleet {

namespace {

using Directory = std::unique_ptr<DIR, int (*)(DIR*)>;

/// The holder of QEMU's lock on its pid file; 0 when there is none.
pid_t pid_file_holder(const InstanceDirectory& directory) {
  const UniqueFd fd(
      ::openat(directory.fd(), instance_file::kPid, O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return 0;
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(fd.get(), F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) return 0;
  return lock.l_pid > 0 ? lock.l_pid : 0;
}

bool holds_file(pid_t pid, const struct stat& wanted) {
  const std::string folder = "/proc/" + std::to_string(pid) + "/fd";
  const Directory descriptors(::opendir(folder.c_str()), &::closedir);
  if (!descriptors) return false;
  while (const dirent* entry = ::readdir(descriptors.get())) {
    struct stat status {};
    if (::fstatat(::dirfd(descriptors.get()), entry->d_name, &status, 0) == 0 &&
        status.st_dev == wanted.st_dev && status.st_ino == wanted.st_ino) {
      return true;
    }
  }
  return false;
}

/// A process other than this one that has the `alive` file open: QEMU before it wrote its pid file.
pid_t alive_holder(const struct stat& alive) {
  const Directory processes(::opendir("/proc"), &::closedir);
  if (!processes) return 0;
  while (const dirent* entry = ::readdir(processes.get())) {
    const std::string_view name(entry->d_name);
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc() || end != name.data() + name.size() || pid == ::getpid()) continue;
    if (holds_file(pid, alive)) return pid;
  }
  return 0;
}

}  // namespace

std::optional<Pidfd> find_qemu(const InstanceDirectory& directory) {
  struct stat alive {};
  const bool has_alive =
      ::fstatat(directory.fd(), instance_file::kAlive, &alive, AT_SYMLINK_NOFOLLOW) == 0;
  if (const pid_t pid = pid_file_holder(directory); pid != 0) {
    auto process = Pidfd::open(pid);
    if (process && pid_file_holder(directory) == pid) return process;
  }
  if (!has_alive) return std::nullopt;
  if (const pid_t pid = alive_holder(alive); pid != 0) {
    auto process = Pidfd::open(pid);
    if (process && holds_file(pid, alive)) return process;
  }
  return std::nullopt;
}

}  // namespace vmfleet
