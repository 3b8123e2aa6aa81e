// SPDX-License-Identifier: MIT
#include <vmfleet/base/base64.hpp>

#include "tests/support/catch.hpp"

using namespace vmfleet;

TEST_CASE("base64 of every length is decoded") {
  // Source: RFC 4648, section 10.
  REQUIRE(decode_base64("").value().empty());
  REQUIRE(decode_base64("Zg==").value() == "f");
  REQUIRE(decode_base64("Zm8=").value() == "fo");
  REQUIRE(decode_base64("Zm9v").value() == "foo");
  REQUIRE(decode_base64("Zm9vYg==").value() == "foob");
  REQUIRE(decode_base64("Zm9vYmE=").value() == "fooba");
  REQUIRE(decode_base64("Zm9vYmFy").value() == "foobar");
  REQUIRE(decode_base64("AP+/+w==").value() == std::string("\0\xff\xbf\xfb", 4));
}

TEST_CASE("what is not base64 is refused") {
  for (const char* text : {"Z", "Zg", "Zg=", "=", "====", "Z===", "Zm9v====", "Zg==Zg==", "Zm 9v",
                           "Zm9v\n", "Zm9-", "Zm\xc3\xa9="}) {
    INFO(text);
    const auto decoded = decode_base64(text);
    REQUIRE_FALSE(decoded.ok());
    REQUIRE(decoded.error().kind() == ErrorKind::protocol);
  }
}

TEST_CASE("base64 carries any bytes, in fours") {
  REQUIRE(encode_base64("").empty());
  REQUIRE(encode_base64("f") == "Zg==");
  REQUIRE(encode_base64("fo") == "Zm8=");
  REQUIRE(encode_base64("foo") == "Zm9v");
  REQUIRE(encode_base64(std::string("\xff\0\xfe\n", 4)) == "/wD+Cg==");
}
