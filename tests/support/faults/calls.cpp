// SPDX-License-Identifier: MIT
// The watched functions, each in front of the C library's own.
//
// glibc's headers give `open` the name of `open64` where files may be large, and make inline
// functions of some when they are to be checked: here both names are plain functions.
#undef _FILE_OFFSET_BITS
#undef _FORTIFY_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <string>

#include "tests/support/faults/faults.hpp"

using namespace vmfleet::faults;

namespace {

// libuv ends the program when it cannot make the pipes of its first loop: these are left alone. The
// last descriptor of a loop is an eventfd.
bool loop_made = false;

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

/// Calls `real`, unless it is to fail.
template <class Real>
auto call(unsigned classes, const char* function, const std::string& object, const Real& real)
    -> decltype(real()) {
  const Verdict verdict = judge(classes, function, object);
  if (verdict.action != Action::fail) return real();
  errno = verdict.error;
  return -1;
}

/// The same for what is done to a file; one outside the world does not count, but for the
/// descriptor that the call returns.
template <class Real>
auto call_on(const std::string& path, unsigned classes, const char* function, const Real& real)
    -> decltype(real()) {
  const unsigned counted = in_world(path) ? classes : classes & kDescriptor;
  return counted == 0 ? real() : call(counted, function, path, real);
}

bool exists(int folder, const char* name) {
  struct stat status {};
  return ::syscall(SYS_newfstatat, folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

template <class Real>
int open_file(int folder, const char* name, int flags, const char* function, const Real& real) {
  if (!listening()) return real();
  unsigned classes = kDescriptor | kOpen;
  if ((flags & O_CREAT) != 0) {
    // When it is there already nothing is made.
    classes = kDescriptor | (exists(folder, name) ? kOpen : kCreate | kChange);
  }
  return call_on(path_of(folder, name), classes, function, real);
}

/// Removing what is not there is no change, and never fails otherwise.
template <class Real>
int remove_file(int folder, const char* name, const char* function, const Real& real) {
  if (!listening() || !exists(folder, name)) return real();
  return call_on(path_of(folder, name), kRemove | kChange, function, real);
}

/// `real` writes so many of the bytes.
template <class Real>
ssize_t write_some(int fd, std::size_t size, const char* function, const Real& real) {
  if (!listening()) return real(size);
  const std::string path = path_of(fd);
  const bool socket = path.compare(0, 7, "socket:") == 0;
  if ((!socket && !in_world(path)) || fd <= 2 || size == 0) return real(size);
  const Verdict verdict = judge((socket ? kSend : kWrite) | kChange, function, path);
  const std::size_t half = std::max<std::size_t>(size / 2, 1);
  switch (verdict.action) {
    case Action::none:
      return real(size);
    case Action::cut:
      return real(half);
    case Action::tear:
      real(half);
      die();
    case Action::fail:
      break;
  }
  errno = verdict.error;
  return -1;
}

template <class Real>
int copy_or_other(int command, const Real& real) {
  const bool copies = command == F_DUPFD_CLOEXEC || command == F_DUPFD;
  return copies && listening() ? call(kDescriptor, "fcntl", "F_DUPFD", real) : real();
}

int mode_of(int flags, va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, int) : 0;
}

}  // namespace

extern "C" {

// Files and folders by name.

int open(const char* name, int flags, ...) {
  static auto* const real = next<int(const char*, int, ...)>("open");
  va_list arguments;
  va_start(arguments, flags);
  const int mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_file(AT_FDCWD, name, flags, "open", [&] { return real(name, flags, mode); });
}

int openat(int folder, const char* name, int flags, ...) {
  static auto* const real = next<int(int, const char*, int, ...)>("openat");
  va_list arguments;
  va_start(arguments, flags);
  const int mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_file(folder, name, flags, "openat", [&] { return real(folder, name, flags, mode); });
}

int mkostemp(char* pattern, int flags) {
  static auto* const real = next<int(char*, int)>("mkostemp");
  return open_file(AT_FDCWD, pattern, O_CREAT, "mkostemp", [&] { return real(pattern, flags); });
}

DIR* opendir(const char* name) {
  static auto* const real = next<DIR*(const char*)>("opendir");
  DIR* folder = nullptr;
  const int result = open_file(AT_FDCWD, name, O_DIRECTORY, "opendir", [&] {
    folder = real(name);
    return folder == nullptr ? -1 : 0;
  });
  return result == 0 ? folder : nullptr;
}

int mkdir(const char* name, mode_t mode) {
  static auto* const real = next<int(const char*, mode_t)>("mkdir");
  if (!listening()) return real(name, mode);
  return call_on(path_of(AT_FDCWD, name), kCreate | kChange, "mkdir",
                 [&] { return real(name, mode); });
}

int mkdirat(int folder, const char* name, mode_t mode) {
  static auto* const real = next<int(int, const char*, mode_t)>("mkdirat");
  if (!listening()) return real(folder, name, mode);
  return call_on(path_of(folder, name), kCreate | kChange, "mkdirat",
                 [&] { return real(folder, name, mode); });
}

int mkfifoat(int folder, const char* name, mode_t mode) {
  static auto* const real = next<int(int, const char*, mode_t)>("mkfifoat");
  if (!listening()) return real(folder, name, mode);
  return call_on(path_of(folder, name), kCreate | kChange, "mkfifoat",
                 [&] { return real(folder, name, mode); });
}

int symlinkat(const char* target, int folder, const char* name) {
  static auto* const real = next<int(const char*, int, const char*)>("symlinkat");
  if (!listening()) return real(target, folder, name);
  return call_on(path_of(folder, name), kCreate | kChange, "symlinkat",
                 [&] { return real(target, folder, name); });
}

int rename(const char* from, const char* to) {
  static auto* const real = next<int(const char*, const char*)>("rename");
  if (!listening()) return real(from, to);
  return call_on(path_of(AT_FDCWD, to), kRename | kChange, "rename",
                 [&] { return real(from, to); });
}

int renameat(int from_folder, const char* from, int to_folder, const char* to) {
  static auto* const real = next<int(int, const char*, int, const char*)>("renameat");
  if (!listening()) return real(from_folder, from, to_folder, to);
  return call_on(path_of(to_folder, to), kRename | kChange, "renameat",
                 [&] { return real(from_folder, from, to_folder, to); });
}

int unlink(const char* name) {
  static auto* const real = next<int(const char*)>("unlink");
  return remove_file(AT_FDCWD, name, "unlink", [&] { return real(name); });
}

int unlinkat(int folder, const char* name, int flags) {
  static auto* const real = next<int(int, const char*, int)>("unlinkat");
  return remove_file(folder, name, "unlinkat", [&] { return real(folder, name, flags); });
}

int remove(const char* name) {
  static auto* const real = next<int(const char*)>("remove");
  return remove_file(AT_FDCWD, name, "remove", [&] { return real(name); });
}

// Open files.

ssize_t write(int fd, const void* data, size_t size) {
  static auto* const real = next<ssize_t(int, const void*, size_t)>("write");
  return write_some(fd, size, "write", [&](size_t some) { return real(fd, data, some); });
}

ssize_t pwrite(int fd, const void* data, size_t size, off_t at) {
  static auto* const real = next<ssize_t(int, const void*, size_t, off_t)>("pwrite");
  return write_some(fd, size, "pwrite", [&](size_t some) { return real(fd, data, some, at); });
}

ssize_t copy_file_range(int from, off64_t* read_at, int fd, off64_t* at, size_t size,
                        unsigned flags) {
  static auto* const real = next<decltype(::copy_file_range)>("copy_file_range");
  return write_some(fd, size, "copy_file_range",
                    [&](size_t some) { return real(from, read_at, fd, at, some, flags); });
}

ssize_t send(int fd, const void* data, size_t size, int flags) {
  static auto* const real = next<ssize_t(int, const void*, size_t, int)>("send");
  return write_some(fd, size, "send", [&](size_t some) { return real(fd, data, some, flags); });
}

int fsync(int fd) {
  static auto* const real = next<int(int)>("fsync");
  if (!listening()) return real(fd);
  const std::string path = path_of(fd);
  if (!in_world(path)) return real(fd);
  return call(kSync | kChange, "fsync", path, [] { return 0; });
}

int ftruncate(int fd, off_t size) {
  static auto* const real = next<int(int, off_t)>("ftruncate");
  if (!listening()) return real(fd, size);
  return call_on(path_of(fd), kAttribute | kChange, "ftruncate", [&] { return real(fd, size); });
}

int fchmod(int fd, mode_t mode) {
  static auto* const real = next<int(int, mode_t)>("fchmod");
  if (!listening()) return real(fd, mode);
  return call_on(path_of(fd), kAttribute | kChange, "fchmod", [&] { return real(fd, mode); });
}

int flock(int fd, int operation) {
  static auto* const real = next<int(int, int)>("flock");
  if (!listening()) return real(fd, operation);
  const bool looks = (operation & LOCK_SH) != 0;
  return call_on(path_of(fd), looks ? kLock : kLock | kChange, "flock",
                 [&] { return real(fd, operation); });
}

// Descriptors of other things.

int socket(int domain, int type, int protocol) {
  static auto* const real = next<int(int, int, int)>("socket");
  if (!listening()) return real(domain, type, protocol);
  return call(kDescriptor, "socket", "", [&] { return real(domain, type, protocol); });
}

int pipe2(int ends[2], int flags) {
  static auto* const real = next<int(int*, int)>("pipe2");
  if (!listening() || !loop_made) return real(ends, flags);
  return call(kDescriptor, "pipe2", "", [&] { return real(ends, flags); });
}

int eventfd(unsigned value, int flags) {
  static auto* const real = next<int(unsigned, int)>("eventfd");
  loop_made = true;
  return real(value, flags);
}

int inotify_init1(int flags) {
  static auto* const real = next<int(int)>("inotify_init1");
  if (!listening()) return real(flags);
  return call(kDescriptor | kWatch, "inotify_init1", "", [&] { return real(flags); });
}

int inotify_add_watch(int fd, const char* name, uint32_t mask) {
  static auto* const real = next<int(int, const char*, uint32_t)>("inotify_add_watch");
  if (!listening()) return real(fd, name, mask);
  return call_on(path_of(AT_FDCWD, name), kWatch, "inotify_add_watch",
                 [&] { return real(fd, name, mask); });
}

int fcntl(int fd, int command, ...) {
  static auto* const real = next<int(int, int, ...)>("fcntl");
  va_list arguments;
  va_start(arguments, command);
  void* const argument = va_arg(arguments, void*);
  va_end(arguments);
  return copy_or_other(command, [&] { return real(fd, command, argument); });
}

// Sockets.

int bind(int fd, const sockaddr* address, socklen_t size) {
  static auto* const real = next<int(int, const sockaddr*, socklen_t)>("bind");
  if (!listening() || address->sa_family != AF_UNIX) return real(fd, address, size);
  return call(kCreate | kChange, "bind", reinterpret_cast<const sockaddr_un*>(address)->sun_path,
              [&] { return real(fd, address, size); });
}

int connect(int fd, const sockaddr* address, socklen_t size) {
  static auto* const real = next<int(int, const sockaddr*, socklen_t)>("connect");
  if (!listening()) return real(fd, address, size);
  return call(kConnect | kChange, "connect", "", [&] { return real(fd, address, size); });
}

// Processes. Who calls with fewer arguments has them read all the same, and passed on to be
// ignored.

[[gnu::no_sanitize_address]] int clone(int (*body)(void*), void* stack, int flags, void* argument,
                                       ...) {
  static auto* const real =
      next<int(int (*)(void*), void*, int, void*, void*, void*, void*)>("clone");
  va_list more;
  va_start(more, argument);
  void* const parent = va_arg(more, void*);
  void* const thread = va_arg(more, void*);
  void* const child = va_arg(more, void*);
  va_end(more);
  const auto start = [&] { return real(body, stack, flags, argument, parent, thread, child); };
  return listening() ? call(kFork | kChange, "clone", "", start) : start();
}

int posix_spawn(pid_t* pid, const char* path, const posix_spawn_file_actions_t* actions,
                const posix_spawnattr_t* attributes, char* const argv[], char* const envp[]) {
  static auto* const real = next<decltype(::posix_spawn)>("posix_spawn");
  const auto start = [&] { return real(pid, path, actions, attributes, argv, envp); };
  if (!listening()) return start();
  const int result = call(kFork | kChange, "posix_spawn", path, start);
  return result < 0 ? errno : result;  // it returns its error
}

[[gnu::no_sanitize_address]] long syscall(long number, ...) {
  static auto* const real = next<long(long, ...)>("syscall");
  va_list more;
  va_start(more, number);
  long a[6];
  for (long& argument : a) argument = va_arg(more, long);
  va_end(more);
  const auto enter = [&] { return real(number, a[0], a[1], a[2], a[3], a[4], a[5]); };
  if (number != SYS_pidfd_open && number != SYS_pidfd_send_signal) return enter();
  if (!listening()) return enter();
  if (number == SYS_pidfd_open) return call(kDescriptor, "pidfd_open", "", enter);
  return call(kSignal | kChange, "pidfd_send_signal", "", enter);
}

// The same functions, where every file may be large.
static_assert(sizeof(off_t) == sizeof(off64_t));
[[gnu::alias("open")]] int open64(const char*, int, ...);
[[gnu::alias("openat")]] int openat64(int, const char*, int, ...);
[[gnu::alias("mkostemp")]] int mkostemp64(char*, int);
[[gnu::alias("pwrite")]] ssize_t pwrite64(int, const void*, size_t, off64_t);
[[gnu::alias("ftruncate")]] int ftruncate64(int, off64_t);
[[gnu::alias("fcntl")]] int fcntl64(int, int, ...);

}  // extern "C"
