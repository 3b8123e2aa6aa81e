// SPDX-License-Identifier: MIT
#include <image/decompress.hpp>

#include "tests/support/catch.hpp"
#include "tests/unit/image/samples.hpp"

using namespace vmfleet;
using namespace vmfleet::image;
using namespace vmfleet::test;

TEST_CASE("every compression of kernels and modules unpacks to what was packed") {
  const std::string data = fake_kernel();
  for (const auto* method : {"xz", "gzip", "zstd", "bzip2", "lzma", "lz4"}) {
    CAPTURE(method);
    const std::string packed = compress(method, data);
    REQUIRE(compression_of(packed) == method);
    REQUIRE(decompress(packed).value() == data);
  }
}

TEST_CASE("what is not compressed says so") {
  REQUIRE(compression_of("plain text").empty());
  REQUIRE(compression_of("").empty());
  REQUIRE(decompress("plain text").error().kind() == ErrorKind::corrupt);
}

TEST_CASE("a stream that unpacks to more than its limit ends at the limit") {
  const std::string bomb = compress("xz", std::string(8 << 20, 'x'));
  REQUIRE(bomb.size() < 10'000);
  const auto result = decompress(bomb, 1 << 20);
  REQUIRE_FALSE(result.ok());
  REQUIRE_THAT(result.error().message(), ContainsSubstring("more than"));
}

TEST_CASE("a damaged stream is an error") {
  std::string packed = compress("xz", fake_kernel());
  packed[packed.size() / 2] = static_cast<char>(packed[packed.size() / 2] ^ 0x55);
  REQUIRE(decompress(packed).error().kind() == ErrorKind::corrupt);
  REQUIRE_FALSE(decompress("\xfd"
                           "7zXZ")
                    .ok());
}
