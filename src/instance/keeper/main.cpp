// SPDX-License-Identifier: MIT
// The log keeper: a small process beside each QEMU, which frees the oldest part of its logs.
//
// It sleeps until the kernel announces that something was written in the instance directory, and
// ends with QEMU. Nobody waits for it: without it QEMU runs on, and logs grow.
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "instance/keeper/descriptors.hpp"

namespace {

using namespace vmfleet::keeper;

// A guest that prints on and on wakes us so often, and not with each of its bytes; what it prints
// meanwhile comes on top of the limit. Where that is much, more often.
constexpr int kPauseMs = 20;
constexpr int kShortPauseMs = 1;
constexpr off_t kMuch = 32;  // a part of the limit
// Of what every file system gives back; an incomplete block would be overwritten with zeroes.
constexpr off_t kBlock = 4096;

struct Log {
  int fd;
  off_t size;       // when it was last looked at
  off_t kept_from;  // nothing before is on the disk
};

off_t size_of(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 ? status.st_size : 0;
}

/// An eighth more than the limit is kept: each freeing is worth its while.
void free_oldest(Log& log, off_t limit) {
  if (log.size < log.kept_from) log.kept_from = 0;  // somebody has truncated it
  if (log.size - log.kept_from <= limit + limit / 8) return;
  const off_t start = (log.size - limit) / kBlock * kBlock;
  if (::fallocate(log.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, start) == 0) {
    log.kept_from = start;
  }
}

/// QEMU drops what does not fit on the disk, and tells nobody. So the block of the next byte is
/// reserved here, each time something was written: it can always be written, and announced; and
/// where no block is to be had, what comes after that one is lost.
void note_full_disk(const Log& log) {
  if (::fallocate(log.fd, FALLOC_FL_KEEP_SIZE, log.size, 1) == 0) return;
  if (errno != ENOSPC && errno != EDQUOT) return;
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  char line[64];
  const int length =
      std::snprintf(line, sizeof line, "%lld %lld\n", static_cast<long long>(log.size),
                    static_cast<long long>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000);
  // In space that was reserved for it, whole or not at all.
  if (size_of(kFullDisk) + length > kBlock) return;
  if (::write(kFullDisk, line, static_cast<size_t>(length)) != length) return;
}

/// Whether it has grown by much.
bool look_at(Log& log, off_t limit) {
  const off_t before = log.size;
  log.size = size_of(log.fd);
  if (log.size == before) return false;
  free_oldest(log, limit);
  if (log.fd == kSerial) note_full_disk(log);
  return log.size - before > limit / kMuch;
}

/// One keeper for each machine; by this lock it is found, too.
bool is_only_one() {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return ::fcntl(kSerial, F_SETLK, &lock) == 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || !is_only_one()) return 0;
  const off_t limit = std::strtoll(argv[1], nullptr, 10);
  ::prctl(PR_SET_NAME, "vmfleet-logs");
  sigset_t announced;
  ::sigemptyset(&announced);
  ::sigaddset(&announced, SIGIO);
  ::sigprocmask(SIG_BLOCK, &announced, nullptr);
  const int signals = ::signalfd(-1, &announced, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0) return 1;
  Log logs[kLogs];
  for (int i = 0; i < kLogs; ++i) {
    const off_t data = ::lseek(kSerial + i, 0, SEEK_DATA);
    logs[i] = {kSerial + i, -1, data > 0 ? data : 0};
  }
  pollfd qemu{kQemu, POLLIN, 0};
  for (;;) {
    // Once, and not inotify(7): a user has 128 of its instances for everything, and each machine
    // would take one.
    const bool armed = ::fcntl(kFolder, F_NOTIFY, DN_MODIFY) == 0;
    bool grows_fast = false;
    for (Log& log : logs) grows_fast = look_at(log, limit) || grows_fast;
    if (qemu.revents != 0 || !armed) return 0;
    pollfd either[] = {qemu, {signals, POLLIN, 0}};
    if (::poll(either, 2, -1) < 0 && errno != EINTR) return 1;
    signalfd_siginfo info{};
    while (::read(signals, &info, sizeof info) > 0) {
    }
    ::poll(&qemu, 1, grows_fast ? kShortPauseMs : kPauseMs);
  }
}
