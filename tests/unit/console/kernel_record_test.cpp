// SPDX-License-Identifier: MIT
#include "console/kernel_record.hpp"

#include <string_view>

#include "tests/support/catch.hpp"

using namespace vmfleet::console;

namespace {

bool confirms(std::string_view text) {
  KernelRecord record;
  for (const char byte : text) {
    if (record.put(byte) == KernelRecord::Step::confirmed) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("stamps of the kernel are recognised, with and without a caller") {
  REQUIRE(confirms("[    1.234567] x"));
  REQUIRE(confirms("[12345.678901][    T1] x"));
  REQUIRE(confirms("text[[1234567.000000] x"));
  REQUIRE(confirms("[ 12[    1.234567] x"));
}

TEST_CASE("what is only similar is no stamp") {
  REQUIRE_FALSE(confirms("[1.234567] x"));
  REQUIRE_FALSE(confirms("[    1.23456] x"));
  REQUIRE_FALSE(confirms("[    1.2345678] x"));
  REQUIRE_FALSE(confirms("[    1.234567]x"));
  REQUIRE_FALSE(confirms("[     .234567] x"));
  REQUIRE_FALSE(confirms("[  1 2.234567] x"));
  REQUIRE_FALSE(confirms("[  OK  ] Started x"));
}

TEST_CASE("a record ends with its line") {
  KernelRecord record;
  for (const char byte : std::string_view("[    1.234567] x\n")) record.put(byte);
  REQUIRE(record.put('y') == KernelRecord::Step::outside);
}
