// SPDX-License-Identifier: MIT
// Unix stream sockets.
#include <vmfleet/io/unix_socket.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include <vmfleet/async/time.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/io/files.hpp>

#include "io/stream.hpp"

namespace vmfleet {

namespace {

UniqueFd make_socket() {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) throw errno_error("make a unix socket", errno);
  return fd;
}

/// sun_path holds 108 bytes; going through the folder's descriptor makes room for any path.
struct ShortAddress {
  UniqueFd folder;
  sockaddr_un address{};

  explicit ShortAddress(const std::filesystem::path& path) {
    const auto parent = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
    folder = files::open(parent, O_PATH | O_DIRECTORY);
    const std::string name =
        fmt::format("/proc/self/fd/{}/{}", folder.get(), path.filename().string());
    if (name.size() >= sizeof(address.sun_path)) {
      throw Error(ErrorKind::invalid_config,
                  fmt::format("the socket name '{}' is too long", path.filename().string()))
          .hint("the last part of a socket's path has at most 80 bytes");
    }
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.c_str(), name.size() + 1);
  }
  [[nodiscard]] const sockaddr* get() const noexcept {
    return reinterpret_cast<const sockaddr*>(&address);
  }
};

}  // namespace

UniqueFd listen_unix(const std::filesystem::path& path) {
  UniqueFd fd = make_socket();
  const ShortAddress address(path);
  // Of the file that bind makes, whatever the umask is.
  if (::fchmod(fd.get(), 0600) != 0) throw errno_error("close to others: " + path.string(), errno);
  if (::bind(fd.get(), address.get(), sizeof(sockaddr_un)) != 0) {
    if (errno == EADDRINUSE) {
      throw errno_error(ErrorKind::conflict, "bind " + path.string(), errno);
    }
    throw errno_error("bind " + path.string(), errno);
  }
  if (::listen(fd.get(), 16) != 0) throw errno_error("listen on " + path.string(), errno);
  return fd;
}

Task<UnixSocket> UnixSocket::connect(std::filesystem::path path) {
  Loop& loop = co_await current_loop();
  const ShortAddress address(path);
  UniqueFd fd = make_socket();
  constexpr Milliseconds kBacklogFull(10);
  while (::connect(fd.get(), address.get(), sizeof(sockaddr_un)) != 0) {
    if (errno == EAGAIN) {
      co_await sleep_for(kBacklogFull);  // the one state of a unix socket that nothing announces
    } else if (errno != EINTR) {
      throw errno_error("connect to " + path.string(), errno);
    }
  }
  co_return UnixSocket(std::make_unique<detail::Stream>(loop, std::move(fd), "UnixSocket"));
}

UnixSocket UnixSocket::adopt(Loop& loop, UniqueFd fd) {
  return UnixSocket(std::make_unique<detail::Stream>(loop, std::move(fd), "UnixSocket"));
}

UnixSocket::UnixSocket(std::unique_ptr<detail::Stream> stream) : stream_(std::move(stream)) {}
UnixSocket::UnixSocket(UnixSocket&&) noexcept = default;
UnixSocket& UnixSocket::operator=(UnixSocket&&) noexcept = default;
UnixSocket::~UnixSocket() = default;

Task<std::size_t> UnixSocket::read(std::span<char> into) {
  return stream_->read(into);
}
Task<void> UnixSocket::write(std::string_view data) {
  return stream_->write(data);
}
void UnixSocket::close() noexcept {
  stream_->close();
}

std::optional<PeerCredentials> UnixSocket::peer() const noexcept {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(stream_->fd(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return std::nullopt;
  }
  return PeerCredentials{credentials.pid, credentials.uid, credentials.gid};
}

namespace {

// Not a member of the listener, which may move meanwhile.
Task<UnixSocket> accept_on(Loop& loop, detail::Stream& stream) {
  const detail::Stream::Use use(stream);
  for (;;) {
    co_await stream.poller().readable();
    UniqueFd fd(::accept4(stream.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (fd) co_return UnixSocket::adopt(loop, std::move(fd));
    if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
      throw errno_error("accept a connection", errno);
    }
  }
}

}  // namespace

UnixListener UnixListener::bind(Loop& loop, const std::filesystem::path& path) {
  return UnixListener(loop, listen_unix(path));
}

UnixListener::UnixListener(Loop& loop, UniqueFd fd)
    : loop_(&loop),
      stream_(std::make_unique<detail::Stream>(loop, std::move(fd), "UnixListener")) {}
UnixListener::UnixListener(UnixListener&&) noexcept = default;
UnixListener& UnixListener::operator=(UnixListener&&) noexcept = default;
UnixListener::~UnixListener() = default;

Task<UnixSocket> UnixListener::accept() {
  return accept_on(*loop_, *stream_);
}

}  // namespace vmfleet
