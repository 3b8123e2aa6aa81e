// SPDX-License-Identifier: MIT
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include <vmfleet/async/task_group.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/base/unique_fd.hpp>
#include <vmfleet/io/tcp_socket.hpp>

#include "tests/unit/io/small_files.hpp"

using namespace vmfleet;
using namespace vmfleet::test;
using namespace std::chrono_literals;

namespace {

/// A port of 127.0.0.1 that the kernel chose; bound, and listening when asked to.
class Port {
 public:
  explicit Port(bool listening, int backlog = 16)
      : fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(fd.get(), generic, size) == 0);
    if (listening) REQUIRE(::listen(fd.get(), backlog) == 0);
    REQUIRE(::getsockname(fd.get(), generic, &size) == 0);
    number = ntohs(address.sin_port);
  }
  [[nodiscard]] UniqueFd accept() const {
    return UniqueFd(::accept4(fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }
  UniqueFd fd;
  std::uint16_t number = 0;
};

ErrorKind connect_error(Loop& loop, const std::string& address, std::uint16_t port) {
  try {
    loop.run(TcpSocket::connect(address, port));
  } catch (const Error& error) {
    INFO(error.message());
    return error.kind();
  }
  FAIL("it connected");
  return ErrorKind::internal;
}

}  // namespace

TEST_CASE("a TCP connection carries bytes both ways and ends") {
  Loop loop;
  const Port port(true);
  const auto root = [&]() -> Task<void> {
    auto client = co_await TcpSocket::connect("127.0.0.1", port.number);
    UniqueFd server = port.accept();
    co_await client.write("ping");
    char buffer[16];
    REQUIRE(::read(server.get(), buffer, sizeof buffer) == 4);
    REQUIRE(::write(server.get(), "pong", 4) == 4);
    const std::size_t count = co_await client.read(buffer);
    REQUIRE(std::string(buffer, count) == "pong");
    server.reset();
    const std::size_t end = co_await client.read(buffer);
    REQUIRE(end == 0);
  };
  loop.run(root());
}

TEST_CASE("a refused connection is a disconnection, at once and without a leak") {
  Loop loop;
  const Port port(false);
  loop.run(yield_now());
  const auto before = open_descriptors();
  for (int i = 0; i < 20; ++i) {
    REQUIRE(connect_error(loop, "127.0.0.1", port.number) == ErrorKind::disconnected);
  }
  REQUIRE(open_descriptors() == before);
}

TEST_CASE("what is no address is refused before anything is tried") {
  Loop loop;
  for (const char* address : {"localhost", "", "127.0.0.1.1", "::g", "127.0.0.1 ", "[::1]"}) {
    INFO("'" << address << "'");
    REQUIRE(connect_error(loop, address, 80) == ErrorKind::invalid_config);
  }
}

TEST_CASE("an IPv6 address is understood") {
  Loop loop;
  const ErrorKind kind = connect_error(loop, "::1", 1);
  // Refused; or a host without IPv6.
  REQUIRE((kind == ErrorKind::disconnected || kind == ErrorKind::unavailable));
}

TEST_CASE("a reset connection is a disconnection") {
  Loop loop;
  const Port port(true);
  const auto root = [&]() -> Task<ErrorKind> {
    auto client = co_await TcpSocket::connect("127.0.0.1", port.number);
    UniqueFd server = port.accept();
    const linger at_once{1, 0};
    REQUIRE(::setsockopt(server.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    server.reset();
    char buffer[16];
    try {
      co_await client.read(buffer);
    } catch (const Error& error) {
      co_return error.kind();
    }
    co_return ErrorKind::internal;
  };
  REQUIRE(loop.run(root()) == ErrorKind::disconnected);
}

TEST_CASE("a cancelled connection attempt is given up") {
  Loop loop;
  // A listener whose queue is full does not answer: the next attempt hangs in SYN_SENT.
  const Port port(true, 0);
  const auto before = open_descriptors();
  const auto root = [&]() -> Task<bool> {
    std::vector<TcpSocket> clients;
    try {
      for (int i = 0; i < 20; ++i) {
        auto client = co_await with_timeout(50ms, TcpSocket::connect("127.0.0.1", port.number));
        clients.push_back(std::move(client));
      }
    } catch (const Error& error) {
      co_return error.kind() == ErrorKind::timed_out;
    }
    co_return false;
  };
  REQUIRE(loop.run(root()));
  REQUIRE(open_descriptors() == before);
}
