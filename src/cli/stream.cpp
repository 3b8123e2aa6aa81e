// SPDX-License-Identifier: MIT
// Writing to stdout and stderr.
#include "cli/stream.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include <fmt/format.h>

#include <vmfleet/base/error.hpp>

namespace vmfleet::cli {

namespace {

bool environment_set(const char* name) noexcept {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

// 0, or why not all of it could be written.
int write_all(int fd, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count >= 0) {
      text.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno == EAGAIN) {
      // The descriptor is shared with somebody who made it non-blocking.
      pollfd writable{fd, POLLOUT, 0};
      ::poll(&writable, 1, -1);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

}  // namespace

Stream::Stream(int fd, ColorMode color) noexcept
    : fd_(fd), terminal_(::isatty(fd) == 1), dumb_(false), colored_(false) {
  const char* term = std::getenv("TERM");
  dumb_ = term == nullptr || *term == '\0' || std::string_view(term) == "dumb";
  const bool wanted = terminal_ && !dumb_ && !environment_set("NO_COLOR");
  colored_ = color == ColorMode::always || (color == ColorMode::automatic && wanted);
}

void Stream::write(std::string_view text) const {
  const int error = write_all(fd_, text);
  if (error == EPIPE) throw OutputClosed();
  if (error != 0) throw errno_error(ErrorKind::unavailable, "write to the standard output", error);
}

void Stream::try_write(std::string_view text) const noexcept {
  write_all(fd_, text);
}

TerminalSize Stream::size() const noexcept {
  TerminalSize size;
  winsize window{};
  if (::ioctl(fd_, TIOCGWINSZ, &window) == 0) {
    if (window.ws_row > 0) size.rows = window.ws_row;
    if (window.ws_col > 0) size.columns = window.ws_col;
  }
  return size;
}

std::string Stream::paint(std::string_view text, std::string_view color) const {
  if (!colored_) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", color, text);
}

}  // namespace vmfleet::cli
