// SPDX-License-Identifier: MIT
#include <vmfleet/qemu/forward.hpp>

#include "tests/support/catch.hpp"

using namespace vmfleet;

namespace {

Forward make(const char* name, const char* address, int host, int guest,
             Protocol protocol = Protocol::tcp) {
  Forward forward(name, static_cast<std::uint16_t>(guest));
  forward.host_addr = address;
  forward.host_port = static_cast<std::uint16_t>(host);
  forward.protocol = protocol;
  return forward;
}

}  // namespace

TEST_CASE("a guest port alone gets a free port on loopback") {
  REQUIRE(*parse_forward("22") == make("22", "127.0.0.1", 0, 22));
  REQUIRE(*parse_forward("53/udp") == make("53-udp", "127.0.0.1", 0, 53, Protocol::udp));
}

TEST_CASE("a forward may be named") {
  REQUIRE(*parse_forward("ssh:22") == make("ssh", "127.0.0.1", 0, 22));
  REQUIRE(*parse_forward("dns:53/udp") == make("dns", "127.0.0.1", 0, 53, Protocol::udp));
  REQUIRE(*parse_forward("web:80/tcp") == make("web", "127.0.0.1", 0, 80));
}

TEST_CASE("a forward may fix the host's port") {
  REQUIRE(*parse_forward("8080:80") == make("80", "127.0.0.1", 8080, 80));
  REQUIRE(*parse_forward("web:8080:80") == make("web", "127.0.0.1", 8080, 80));
}

TEST_CASE("a forward leaves loopback only when an address says so") {
  REQUIRE(*parse_forward("web:0.0.0.0:8080:80") == make("web", "0.0.0.0", 8080, 80));
  REQUIRE(*parse_forward("10.1.2.3:8080:80") == make("80", "10.1.2.3", 8080, 80));
  REQUIRE(*parse_forward("web:10.1.2.3:80") == make("web", "10.1.2.3", 0, 80));
}

TEST_CASE("a forward that cannot be is refused with the reason and the forms") {
  for (const char* text : {"", ":", "ssh:", "ssh", "0", "65536", "ssh:70000", "70000:22", "a:b:c",
                           "22/sctp", "22/", "-1", "web:300.0.0.1:80:80", "a b:22", ":22",
                           "x:web:8080:80", "ssh:22:", "é:22", "1.2.3.4:5:6:7:8"}) {
    INFO(text);
    const auto forward = parse_forward(text);
    REQUIRE_FALSE(forward.ok());
    REQUIRE(forward.error().kind() == ErrorKind::invalid_config);
    REQUIRE_THAT(forward.error().hint(), ContainsSubstring("ssh:22"));
  }
  REQUIRE_THAT(parse_forward("22/sctp").error().what(), ContainsSubstring("sctp"));
}

TEST_CASE("a forward that is printed is read back") {
  for (const char* text : {"22", "ssh:22", "8080:80", "web:8080:80", "dns:53/udp", "53/udp",
                           "web:0.0.0.0:8080:80", "0.0.0.0:0:80"}) {
    const Forward forward = *parse_forward(text);
    REQUIRE(to_string(forward) == text);
    REQUIRE(*parse_forward(to_string(forward)) == forward);
  }
}

TEST_CASE("two forwards share a port of the host by protocol, number and address") {
  const auto shared = [](std::string_view one, std::string_view other) {
    return share_host_port(parse_forward(one).value(), parse_forward(other).value());
  };
  REQUIRE(shared("8080:80", "8080:81"));
  REQUIRE_FALSE(shared("8080:80", "8081:80"));
  REQUIRE_FALSE(shared("8080:80", "8080:80/udp"));
  REQUIRE_FALSE(shared("w:127.0.0.2:8080:80", "w:127.0.0.3:8080:80"));
  REQUIRE(shared("w:127.0.0.2:8080:80", "w:0.0.0.0:8080:80"));
  REQUIRE_FALSE(shared("80", "80"));
}
