// SPDX-License-Identifier: MIT
#include <vmfleet/base/units.hpp>

#include "tests/support/catch.hpp"

using namespace vmfleet;

TEST_CASE("sizes read as users write them") {
  REQUIRE(parse_bytes("512M").value() == Bytes::mebi(512));
  REQUIRE(parse_bytes("2g").value() == Bytes::gibi(2));
  REQUIRE(parse_bytes("1.5GiB").value() == Bytes::mebi(1536));
  REQUIRE(parse_bytes("100").value() == Bytes(100));
  REQUIRE_FALSE(parse_bytes("M").ok());
  REQUIRE_FALSE(parse_bytes("5X").ok());
  REQUIRE_FALSE(parse_bytes("-1M").ok());
  REQUIRE_FALSE(parse_bytes("99999999999999T").ok());
  REQUIRE_FALSE(parse_bytes("1.2.3M").ok());
}

TEST_CASE("sizes write in their largest whole unit") {
  REQUIRE(to_string(Bytes::gibi(2)) == "2G");
  REQUIRE(to_string(Bytes::mebi(1536)) == "1536M");
  REQUIRE(to_string(Bytes(7)) == "7");
  REQUIRE(to_string(Bytes(0)) == "0");
}

TEST_CASE("durations need a unit") {
  REQUIRE(parse_duration("500ms").value() == Milliseconds(500));
  REQUIRE(parse_duration("1.5s").value() == Milliseconds(1500));
  REQUIRE(parse_duration("2m").value() == Milliseconds(120'000));
  const auto bare = parse_duration("10");
  REQUIRE_FALSE(bare.ok());
  REQUIRE(bare.error().hint() == "write it like 500ms, 10s or 2m");
  REQUIRE_FALSE(parse_duration("ten s").ok());
}

TEST_CASE("durations write for people") {
  REQUIRE(to_string(Milliseconds(340)) == "340 ms");
  REQUIRE(to_string(Milliseconds(2140)) == "2.1 s");
  REQUIRE(to_string(Milliseconds(65'000)) == "1 m 05 s");
}
