// SPDX-License-Identifier: MIT
// Holding processes by descriptor.
#include <vmfleet/io/pidfd.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include <vmfleet/async/time.hpp>
#include <vmfleet/base/error.hpp>

#include "io/poller.hpp"

namespace vmfleet {

std::optional<Pidfd> Pidfd::open(pid_t pid) {
  UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (fd) return Pidfd(std::move(fd), pid);
  if (errno == ESRCH || errno == EINVAL) return std::nullopt;
  throw errno_error(fmt::format("hold process {}", pid), errno);
}

bool Pidfd::signal(int number) const {
  if (::syscall(SYS_pidfd_send_signal, fd_.get(), number, nullptr, 0) == 0) return true;
  if (errno == ESRCH) return false;
  throw errno_error(fmt::format("send signal {} to process {}", number, pid_), errno);
}

bool Pidfd::ended() const noexcept {
  pollfd entry{fd_.get(), POLLIN, 0};
  return ::poll(&entry, 1, 0) > 0;
}

Task<void> Pidfd::wait_end() const {
  Loop& loop = co_await current_loop();
  // Several tasks may wait for one process; libuv watches a descriptor number only once.
  const UniqueFd own(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
  if (!own) throw errno_error(fmt::format("watch process {}", pid_), errno);
  detail::Poller poller(loop, own.get(), "Pidfd");
  co_await poller.readable();
}

Task<bool> Pidfd::ends_within(Milliseconds patience) const {
  try {
    co_await with_timeout(patience, wait_end());
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::timed_out) throw;
    co_return false;
  }
  co_return true;
}

}  // namespace vmfleet
