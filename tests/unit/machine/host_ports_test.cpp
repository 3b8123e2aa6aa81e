// SPDX-License-Identifier: MIT
#include "machine/host_ports.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include <vmfleet/base/unique_fd.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/refuse.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

/// A socket on any port, of IPv4 or of both.
class Squatter {
 public:
  Squatter(int family, int type, bool any) : fd_(::socket(family, type | SOCK_CLOEXEC, 0)) {
    sockaddr_storage storage{};
    auto* address = reinterpret_cast<sockaddr*>(&storage);
    socklen_t size = sizeof(sockaddr_in);
    storage.ss_family = static_cast<sa_family_t>(family);
    if (family == AF_INET6) {
      size = sizeof(sockaddr_in6);
    } else if (!any) {
      reinterpret_cast<sockaddr_in*>(&storage)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    }
    made_ = ::bind(fd_.get(), address, size) == 0;
    if (type == SOCK_STREAM) made_ = made_ && ::listen(fd_.get(), 1) == 0;
    ::getsockname(fd_.get(), address, &size);
    port_ = ntohs(reinterpret_cast<sockaddr_in*>(&storage)->sin_port);  // for both at one place
  }

  [[nodiscard]] bool made() const { return made_; }
  [[nodiscard]] Forward forward(Protocol protocol = Protocol::tcp) const {
    Forward forward("web", 80);
    forward.protocol = protocol;
    forward.host_port = port_;
    return forward;
  }
  void close() { fd_.reset(); }

 private:
  UniqueFd fd_;
  bool made_ = false;
  std::uint16_t port_ = 0;
};

std::string by_this_process() {
  return "is taken by process " + std::to_string(::getpid());
}

}  // namespace

TEST_CASE("a port that a process listens on is a conflict with that process") {
  Squatter squatter(AF_INET, SOCK_STREAM, false);
  const auto problem = find_port_problem(squatter.forward());
  REQUIRE(problem.has_value());
  REQUIRE(problem->kind() == ErrorKind::conflict);
  REQUIRE_THAT(problem->message(),
               ContainsSubstring("/tcp of the forward \"web\" " + by_this_process()));
  squatter.close();
  REQUIRE_FALSE(find_port_problem(squatter.forward()).has_value());
}

TEST_CASE("who listens on every address has the port of each") {
  for (const int family : {AF_INET, AF_INET6}) {
    const Squatter squatter(family, SOCK_STREAM, true);
    if (!squatter.made()) continue;  // a host without IPv6
    const auto problem = find_port_problem(squatter.forward());
    REQUIRE(problem.has_value());
    REQUIRE_THAT(problem->message(), ContainsSubstring(by_this_process()));
  }
}

TEST_CASE("whose process it is, is told as far as it can be seen") {
  const Squatter squatter(AF_INET, SOCK_STREAM, false);
  const auto told = [&](const std::string& owner) {
    const auto problem = find_port_problem(squatter.forward());
    return problem &&
           std::string(problem->message()).find("taken by " + owner) != std::string::npos;
  };
  const bool is_root = ::geteuid() == 0;
  REQUIRE(holds_without(SYS_readlinkat, EACCES, [&] {
    if (!is_root) return told("a process that cannot be seen from here");
    return ::setresuid(65534, 65534, 65534) == 0 && told("a process of another user (root)");
  }));
}

TEST_CASE("UDP and TCP have their own ports") {
  const Squatter squatter(AF_INET, SOCK_DGRAM, false);
  const auto problem = find_port_problem(squatter.forward(Protocol::udp));
  REQUIRE(problem.has_value());
  REQUIRE_THAT(problem->message(), ContainsSubstring("/udp"));
  REQUIRE_THAT(problem->message(), ContainsSubstring(by_this_process()));
}

TEST_CASE("an address of another host cannot be listened on") {
  Forward forward("web", 80);
  forward.host_addr = "203.0.113.1";  // RFC 5737: nobody's
  forward.host_port = 40'000;
  const auto problem = find_port_problem(forward);
  REQUIRE(problem.has_value());
  REQUIRE(problem->kind() == ErrorKind::invalid_config);
}

TEST_CASE("a port that QEMU is to pick has no problem") {
  REQUIRE_FALSE(find_port_problem(Forward("ssh", 22)).has_value());
}
