// SPDX-License-Identifier: MIT
// Finding QEMU by what it holds.
#include <vmfleet/instance/identity.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <memory>
#include <string>

#include <fmt/format.h>

#include <vmfleet/base/error.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/base/unique_fd.hpp>
#include <vmfleet/instance/locks.hpp>
#include <vmfleet/io/files.hpp>

namespace vmfleet {

namespace {

using Directory = std::unique_ptr<DIR, int (*)(DIR*)>;

/// 0 when there is none, or when that cannot be found out: there is another proof.
pid_t pid_file_holder_or_none(const InstanceDirectory& directory) {
  try {
    return pid_file_holder(directory).value_or(0);
  } catch (const Error&) {
    return 0;
  }
}

bool same_file(const struct stat& one, const struct stat& other) {
  return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

/// Whether any descriptor of the process is this file; true also when that cannot be seen.
bool may_have_open(pid_t pid, const struct stat& file) {
  const std::string folder = fmt::format("/proc/{}/fd", pid);
  const Directory descriptors(::opendir(folder.c_str()), &::closedir);
  if (!descriptors) return true;
  while (const dirent* entry = ::readdir(descriptors.get())) {
    struct stat status {};
    if (::fstatat(::dirfd(descriptors.get()), entry->d_name, &status, 0) == 0 &&
        same_file(status, file)) {
      return true;
    }
  }
  return false;
}

/// Whether the lock belongs to the open file behind this descriptor. One that looks on has the file
/// open too, or even locks it, shared, for a moment.
bool locks_exclusively(pid_t pid, int fd) {
  const std::string info = files::read(fmt::format("/proc/{}/fdinfo/{}", pid, fd));
  for (const auto line : split(info, '\n')) {
    if (line.rfind("lock:", 0) == 0 && line.find(" FLOCK ") != std::string_view::npos &&
        line.find(" WRITE ") != std::string_view::npos) {
      return true;
    }
  }
  return false;
}

/// QEMU has the locked `alive` where its launch put it. The command that launches it may have the
/// same, but it also works on the machine: it has `lock` open.
bool inherited_alive(pid_t pid, const InstanceDirectory& directory) {
  struct stat alive {};
  struct stat held {};
  const std::string fd = fmt::format("/proc/{}/fd/{}", pid, kAliveDescriptor);
  if (::fstatat(directory.fd(), instance_file::kAlive, &alive, AT_SYMLINK_NOFOLLOW) != 0 ||
      ::stat(fd.c_str(), &held) != 0 || !same_file(alive, held)) {
    return false;
  }
  try {
    if (!locks_exclusively(pid, kAliveDescriptor)) return false;
  } catch (const Error&) {
    return false;  // it has ended meanwhile
  }
  struct stat lock {};
  return ::fstatat(directory.fd(), instance_file::kLock, &lock, AT_SYMLINK_NOFOLLOW) != 0 ||
         !may_have_open(pid, lock);
}

/// QEMU before it wrote its pid file.
pid_t alive_holder(const InstanceDirectory& directory) {
  const Directory processes(::opendir("/proc"), &::closedir);
  if (!processes) return 0;
  while (const dirent* entry = ::readdir(processes.get())) {
    const std::string_view name(entry->d_name);
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc() || end != name.data() + name.size() || pid == ::getpid()) continue;
    if (inherited_alive(pid, directory)) return pid;
  }
  return 0;
}

}  // namespace

std::optional<pid_t> pid_file_holder(const InstanceDirectory& directory) {
  const UniqueFd fd(
      ::openat(directory.fd(), instance_file::kPid, O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  const auto fail = [&] {
    return errno_error("look at " + directory.file(instance_file::kPid).string(), errno);
  };
  if (!fd && (errno == ENOENT || errno == ELOOP)) return std::nullopt;
  if (!fd) throw fail();
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(fd.get(), F_GETLK, &lock) != 0) throw fail();
  if (lock.l_type == F_UNLCK || lock.l_pid <= 0) return std::nullopt;
  return lock.l_pid;
}

bool is_qemu_of(const InstanceDirectory& directory, const Pidfd& process) {
  const bool proven = pid_file_holder_or_none(directory) == process.pid() ||
                      inherited_alive(process.pid(), directory);
  // Only of a process that lives is the number surely its own.
  return proven && !process.ended();
}

std::optional<Pidfd> find_qemu(const InstanceDirectory& directory) {
  for (const auto look : {&pid_file_holder_or_none, &alive_holder}) {
    const pid_t pid = look(directory);
    if (pid == 0) continue;
    auto process = Pidfd::open(pid);
    if (process && is_qemu_of(directory, *process)) return process;
  }
  return std::nullopt;
}

}  // namespace vmfleet
