// SPDX-License-Identifier: MIT
#include "console/escape_filter.hpp"

#include <string>
#include <string_view>

#include "tests/support/catch.hpp"

using namespace vmfleet::console;

namespace {

std::string text_of(std::string_view stream) {
  EscapeFilter filter;
  std::string text;
  for (const char byte : stream) {
    if (filter.passes(byte)) text.push_back(byte);
  }
  return text;
}

}  // namespace

TEST_CASE("escape sequences of all kinds vanish") {
  REQUIRE(text_of("a\x1b[1;31mb\x1b[?25lc\x1b(Bd\x1b=e") == "abcde");
  REQUIRE(text_of("a\x1b]0;title\ab\x1b]8;;u\x1b\\c\x1bP1$r\x1b\\d") == "abcd");
}

TEST_CASE("controls vanish, but for newlines and tabs") {
  REQUIRE(text_of("a\r\n\tb\b\x7f\x01") == "a\n\tb");
}

TEST_CASE("a control inside a sequence does not end it") {
  REQUIRE(text_of("a\x1b[1\r;31mb") == "ab");
}

TEST_CASE("a sequence that is never finished ends with the line") {
  REQUIRE(text_of("a\x1b]0;title\nb") == "a\nb");
  REQUIRE(text_of("a\x1b[1;\nb") == "a\nb");
}

TEST_CASE("a sequence that is too long is text again") {
  REQUIRE(text_of("\x1b[" + std::string(100, '1')).size() == 37);
  REQUIRE(text_of("\x1b]" + std::string(1100, 't')).size() == 77);
}

TEST_CASE("a sequence may break off another") {
  REQUIRE(text_of("a\x1b[1;\x1b[0mb\x1b]0;x\x1b[0mc") == "abc");
}
