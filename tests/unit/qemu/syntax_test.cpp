// SPDX-License-Identifier: MIT
#include "qemu/syntax.hpp"

#include "tests/support/catch.hpp"

using vmfleet::qemu::GdbAddress;

TEST_CASE("a gdb attaches to the loopback, an address or a socket") {
  REQUIRE(GdbAddress("1234").target == "127.0.0.1:1234");
  REQUIRE(GdbAddress("10.0.0.1:1234").target == "10.0.0.1:1234");
  REQUIRE_FALSE(GdbAddress("10.0.0.1:1234").socket);
  REQUIRE(GdbAddress("unix:/tmp/a,b").target == "/tmp/a,b");
  REQUIRE(GdbAddress("unix:/tmp/a,b").socket);
}
