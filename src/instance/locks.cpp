// SPDX-License-Identifier: MIT
// flock(2) on two files.
#include <vmfleet/instance/locks.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

#include <fmt/format.h>

#include <io/file_lock.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/instance/identity.hpp>
#include <vmfleet/io/files.hpp>

namespace vmfleet {

namespace {

/// Why a lock cannot be opened: it may be none of ours.
Error lock_error(const InstanceDirectory& directory, const char* name, int number) {
  const std::string path = directory.file(name).string();
  if (number != ELOOP && number != EISDIR && number != ENXIO) {
    return errno_error("open " + path, number);
  }
  return Error(ErrorKind::conflict, fmt::format("{} is not a file", path))
      .hint("something else stands where vmfleet keeps its state; move it away");
}

UniqueFd open_lock(const InstanceDirectory& directory, const char* name) {
  UniqueFd fd(::openat(directory.fd(), name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) throw lock_error(directory, name, errno);
  return fd;
}

bool try_lock(int fd, int operation) {
  return vmfleet::try_lock(fd, operation, "an instance directory");
}

/// Whether the file exists and somebody holds its lock. Looking takes a shared lock for a moment.
bool probe(const InstanceDirectory& directory, const char* name) {
  const UniqueFd fd(::openat(directory.fd(), name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd && errno == ENOENT) return false;
  if (!fd) throw lock_error(directory, name, errno);
  return !try_lock(fd.get(), LOCK_SH);
}

// A probe holds the lock for microseconds; whoever holds it longer means it.
bool lock_past_probes(int fd) {
  constexpr int kTries = 20;
  constexpr std::chrono::milliseconds kPause(1);
  for (int i = 0; i < kTries; ++i) {
    if (try_lock(fd, LOCK_EX)) return true;
    std::this_thread::sleep_for(kPause);
  }
  return false;
}

Error held_by_another(const InstanceDirectory& directory) {
  const auto holder =
      sanitize(trim(files::read_end(directory.file(instance_file::kLock), Bytes(64))));
  return Error(ErrorKind::conflict,
               fmt::format("another command works on {}", directory.path().filename().string()))
      .evidence(fmt::format("the lock is held by process {}", holder.empty() ? "?" : holder))
      .hint("wait for it to finish, or end it");
}

/// What somebody does in a moment. The kernel announces the end of a lock only to a thread that
/// blocks for it.
template <class Attempt>
Task<bool> succeeds_within(Milliseconds patience, const Attempt& attempt) {
  constexpr Milliseconds kLongestPause(50);
  Loop& loop = co_await current_loop();
  const TimePoint deadline = loop.now() + patience;
  for (Milliseconds pause(1); !attempt(); pause = std::min(2 * pause, kLongestPause)) {
    if (loop.now() >= deadline) co_return false;
    co_await sleep_for(pause);
  }
  co_return true;
}

}  // namespace

OperationLock OperationLock::acquire(const InstanceDirectory& directory) {
  UniqueFd fd = open_lock(directory, instance_file::kLock);
  if (!lock_past_probes(fd.get())) throw held_by_another(directory);
  return sign(std::move(fd), directory);
}

Task<OperationLock> OperationLock::obtain(const InstanceDirectory& directory,
                                          Milliseconds patience) {
  UniqueFd fd = open_lock(directory, instance_file::kLock);
  auto lock = [&] { return try_lock(fd.get(), LOCK_EX); };
  const bool locked = co_await succeeds_within(patience, lock);
  if (!locked) throw held_by_another(directory);
  co_return sign(std::move(fd), directory);
}

/// Writes down whose it is, for those who are refused.
OperationLock OperationLock::sign(UniqueFd fd, const InstanceDirectory& directory) {
  struct stat status {};
  if (::fstat(fd.get(), &status) == 0 && status.st_nlink == 0) {
    throw Error(ErrorKind::conflict, fmt::format("{} was removed by another command just now",
                                                 directory.path().filename().string()));
  }
  // Where there is no room for it the lock is held all the same: a full disk must not keep a
  // machine from being removed from it.
  if (::ftruncate(fd.get(), 0) == 0) {
    const std::string pid = std::to_string(::getpid()) + "\n";
    [[maybe_unused]] const auto count = ::pwrite(fd.get(), pid.data(), pid.size(), 0);
  }
  return OperationLock(std::move(fd));
}

bool OperationLock::held(const InstanceDirectory& directory) {
  return probe(directory, instance_file::kLock);
}

UniqueFd lock_alive(const InstanceDirectory& directory) {
  UniqueFd fd = open_lock(directory, instance_file::kAlive);
  if (!lock_past_probes(fd.get())) {
    throw Error(ErrorKind::conflict,
                fmt::format("{} is running already", directory.path().filename().string()));
  }
  return fd;
}

bool is_alive(const InstanceDirectory& directory) {
  return pid_file_holder(directory) || probe(directory, instance_file::kAlive);
}

Task<bool> await_death(const InstanceDirectory& directory, Milliseconds patience) {
  auto look = [&] { return !is_alive(directory); };
  co_return co_await succeeds_within(patience, look);
}

}  // namespace vmfleet
