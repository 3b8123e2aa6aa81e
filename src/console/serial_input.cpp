// SPDX-License-Identifier: MIT
// Writing to a FIFO that may be full, without blocking the loop.
#include "console/serial_input.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include <fmt/format.h>

#include <vmfleet/async/loop.hpp>
#include <vmfleet/async/offload.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/base/unique_fd.hpp>

namespace vmfleet::console {
namespace {

// A wait on the thread pool cannot be broken off: it is cut into pieces that cancellation can.
constexpr Milliseconds kWaitPiece(100);

UniqueFd open_fifo(const std::filesystem::path& path) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW));
  if (fd) return fd;
  if (errno == ENXIO) {
    throw errno_error(ErrorKind::disconnected, "no machine reads " + path.string(), errno)
        .hint("the machine has ended: see `vmfleet ps`");
  }
  throw errno_error("open " + path.string(), errno);
}

/// A machine that ends while we write raises SIGPIPE, which must not end the embedder's process.
class SigpipeHeld {
 public:
  SigpipeHeld() {
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    ::sigpending(&pending);
    was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  SigpipeHeld(const SigpipeHeld&) = delete;
  SigpipeHeld& operator=(const SigpipeHeld&) = delete;
  ~SigpipeHeld() {
    const timespec at_once{};
    if (!was_pending_) ::sigtimedwait(&pipe_, nullptr, &at_once);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t pipe_{};
  sigset_t before_{};
  bool was_pending_ = false;
};

/// The bytes that there was room for.
std::size_t write_some(int fd, std::string_view text, const std::filesystem::path& path) {
  const SigpipeHeld held;
  for (;;) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno == EAGAIN) return 0;
    if (errno == EPIPE) {
      throw errno_error(ErrorKind::disconnected, "no machine reads " + path.string() + " any more",
                        errno);
    }
    if (errno != EINTR) throw errno_error("write " + path.string(), errno);
  }
}

}  // namespace

Task<void> send_to_fifo(std::filesystem::path fifo, std::string text, Milliseconds timeout) {
  Loop& loop = co_await current_loop();
  const TimePoint deadline = loop.now() + timeout;
  const UniqueFd fd = open_fifo(fifo);
  std::string_view rest = text;
  for (;;) {
    rest.remove_prefix(write_some(fd.get(), rest, fifo));
    if (rest.empty()) co_return;
    const auto left = std::chrono::ceil<Milliseconds>(deadline - loop.now());
    if (left <= Milliseconds::zero()) break;
    pollfd room{fd.get(), POLLOUT, 0};
    const auto piece = static_cast<int>(std::min(left, kWaitPiece).count());
    auto wait = [&room, piece] { ::poll(&room, 1, piece); };
    co_await offload(wait);
  }
  throw Error(ErrorKind::timed_out,
              fmt::format("the guest did not read its console: {} of {} bytes were sent in {}",
                          text.size() - rest.size(), text.size(), vmfleet::to_string(timeout)))
      .hint("is a program in the guest waiting for input, and is the machine running?");
}

}  // namespace vmfleet::console
