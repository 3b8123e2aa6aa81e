// SPDX-License-Identifier: MIT
// TCP connections.
#include <vmfleet/io/tcp_socket.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include <fmt/format.h>

#include <vmfleet/base/error.hpp>
#include <vmfleet/base/text.hpp>

#include "io/stream.hpp"

namespace vmfleet {

namespace {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;

  Address(const std::string& text, std::uint16_t port) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    if (::inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
      v4->sin_family = AF_INET;
      v4->sin_port = htons(port);
      size = sizeof *v4;
    } else if (::inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1) {
      v6->sin6_family = AF_INET6;
      v6->sin6_port = htons(port);
      size = sizeof *v6;
    } else {
      throw Error(ErrorKind::invalid_config,
                  fmt::format("'{}' is not an IP address", sanitize(text)));
    }
  }
};

}  // namespace

Task<TcpSocket> TcpSocket::connect(std::string address, std::uint16_t port) {
  Loop& loop = co_await current_loop();
  const Address target(address, port);
  UniqueFd fd(::socket(target.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) throw errno_error("make a TCP socket", errno);
  const int raw = fd.get();
  auto stream = std::make_unique<detail::Stream>(loop, std::move(fd), "TcpSocket");
  int error = 0;
  if (::connect(raw, reinterpret_cast<const sockaddr*>(&target.storage), target.size) != 0) {
    error = errno;
  }
  if (error == EINPROGRESS || error == EINTR) {
    co_await stream->poller().writable();
    socklen_t size = sizeof error;
    ::getsockopt(raw, SOL_SOCKET, SO_ERROR, &error, &size);
  }
  if (error != 0) throw errno_error(fmt::format("connect to {}:{}", address, port), error);
  co_return TcpSocket(std::move(stream));
}

TcpSocket::TcpSocket(std::unique_ptr<detail::Stream> stream) : stream_(std::move(stream)) {}
TcpSocket::TcpSocket(TcpSocket&&) noexcept = default;
TcpSocket& TcpSocket::operator=(TcpSocket&&) noexcept = default;
TcpSocket::~TcpSocket() = default;

Task<std::size_t> TcpSocket::read(std::span<char> into) {
  return stream_->read(into);
}
Task<void> TcpSocket::write(std::string_view data) {
  return stream_->write(data);
}
void TcpSocket::close() noexcept {
  stream_->close();
}

}  // namespace vmfleet
