// SPDX-License-Identifier: MIT
// Reading and writing a non-blocking socket.
#include "io/stream.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>

#include <vmfleet/async/time.hpp>
#include <vmfleet/base/check.hpp>
#include <vmfleet/base/error.hpp>

namespace vmfleet::detail {

Stream::Stream(Loop& loop, UniqueFd fd, const char* name) : fd_(std::move(fd)) {
  const int flags = ::fcntl(fd_.get(), F_GETFL);
  ::fcntl(fd_.get(), F_SETFL, flags | O_NONBLOCK);
  poller_ = std::make_unique<Poller>(loop, fd_.get(), name);
}

Stream::~Stream() {
  VMFLEET_CHECK(users_ == 0, "a socket was destroyed while a task uses it");
}

Poller& Stream::poller() {
  if (!poller_) throw Error(ErrorKind::disconnected, "the connection was closed by this side");
  return *poller_;
}

Task<std::size_t> Stream::read(std::span<char> into) {
  const Use use(*this);
  co_await yield_now();  // a peer that never pauses must not keep other tasks from running
  for (;;) {
    Poller& poller = this->poller();
    const ssize_t count = ::recv(fd_.get(), into.data(), into.size(), 0);
    if (count >= 0) co_return static_cast<std::size_t>(count);
    if (errno == EAGAIN) {
      co_await poller.readable();
    } else if (errno != EINTR) {
      throw errno_error("read from the peer", errno);
    }
  }
}

Task<void> Stream::write(std::string_view data) {
  const Use use(*this);
  while (!data.empty()) {
    co_await yield_now();  // nor a peer that always has room
    Poller& poller = this->poller();
    const ssize_t count = ::send(fd_.get(), data.data(), data.size(), MSG_NOSIGNAL);
    if (count >= 0) {
      data.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno == EAGAIN) {
      co_await poller.writable();
    } else if (errno != EINTR) {
      throw errno_error("write to the peer", errno);
    }
  }
}

void Stream::close() noexcept {
  poller_.reset();
  fd_.reset();
}

}  // namespace vmfleet::detail
