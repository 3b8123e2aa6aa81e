// SPDX-License-Identifier: MIT
// Reading a shared descriptor.
#include <vmfleet/io/input.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include <fmt/format.h>

#include <vmfleet/async/time.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/base/unique_fd.hpp>

#include "io/poller.hpp"

namespace vmfleet {

namespace {

/// The same terminal or pipe, as a file description of our own; a socket has no second one.
UniqueFd open_again(int fd) {
  const std::string path = fmt::format("/proc/self/fd/{}", fd);
  UniqueFd own(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!own) own = UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!own) throw errno_error(ErrorKind::unavailable, "read the input", errno);
  return own;
}

/// A file or /dev/null never keeps its reader waiting, and epoll(7) refuses to watch it.
bool is_always_ready(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return false;
  const bool is_waited_for = S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode);
  return !is_waited_for && ::isatty(fd) == 0;
}

}  // namespace

class Input::State {
 public:
  State(Loop& loop, int fd) {
    if (is_always_ready(fd)) {  // and read at the place where the others are
      fd_ = UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
      return;
    }
    fd_ = open_again(fd);
    poller_.emplace(loop, fd_.get(), "input");
  }

  Task<std::size_t> read(std::span<char> into) {
    co_await yield_now();
    for (;;) {
      const ssize_t count = ::read(fd_.get(), into.data(), into.size());
      if (count >= 0) co_return static_cast<std::size_t>(count);
      if (errno == EIO) co_return std::size_t{0};  // the terminal was closed
      if (errno == EAGAIN && poller_) {
        co_await poller_->readable();
      } else if (errno != EINTR) {
        throw errno_error("read the input", errno);
      }
    }
  }

 private:
  UniqueFd fd_;
  std::optional<detail::Poller> poller_;
};

Input::Input(Loop& loop, int fd) : state_(std::make_unique<State>(loop, fd)) {}
Input::Input(Input&&) noexcept = default;
Input& Input::operator=(Input&&) noexcept = default;
Input::~Input() = default;

Task<std::size_t> Input::read(std::span<char> into) {
  return state_->read(into);
}

}  // namespace vmfleet
