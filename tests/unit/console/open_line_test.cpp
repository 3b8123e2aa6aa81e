// SPDX-License-Identifier: MIT
#include "console/open_line.hpp"

#include <string_view>

#include "tests/support/catch.hpp"

using namespace vmfleet::console;

namespace {

void append(OpenLine& line, std::string_view text, std::uint64_t offset) {
  for (const char byte : text) line.append(byte, offset++);
}

}  // namespace

TEST_CASE("a line knows where its bytes come from") {
  OpenLine line;
  append(line, "gue", 100);
  append(line, "st", 140);
  REQUIRE(line.text() == "guest");
  REQUIRE(line.offset() == 100);
  REQUIRE(line.end_of(3) == 103);
  REQUIRE(line.end_of(4) == 141);
  REQUIRE(line.end_of(5) == 142);
}

TEST_CASE("a line that returns to an earlier length goes on from elsewhere") {
  OpenLine line;
  append(line, "gue[  1", 100);
  line.return_to(3);
  append(line, "st", 140);
  OpenLine same;
  append(same, "gue", 100);
  append(same, "st", 140);
  REQUIRE(line == same);
}

TEST_CASE("a line of which the end is kept keeps its places") {
  OpenLine line;
  append(line, "abc", 10);
  append(line, "def", 20);
  line.keep_last(4);
  REQUIRE(line.text() == "cdef");
  REQUIRE(line.cut());
  REQUIRE(line.length() == 6);
  REQUIRE(line.offset() == 10);
  REQUIRE(line.end_of(1) == 13);
  REQUIRE(line.end_of(2) == 21);
  line.return_to(5);
  REQUIRE(line.text() == "cde");
}

TEST_CASE("an empty line is where it ends") {
  OpenLine line;
  append(line, "x", 10);
  line.clear();
  line.end_at(12);
  REQUIRE(line.offset() == 12);
  REQUIRE(line.end_of(0) == 12);
}
