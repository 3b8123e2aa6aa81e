// SPDX-License-Identifier: MIT
#include <vmfleet/base/text.hpp>
#include <vmfleet/base/utf8.hpp>

#include "tests/support/catch.hpp"

using namespace vmfleet;

TEST_CASE("guest text loses its power over the terminal") {
  REQUIRE(sanitize("\x1b[2Jhi\tthere\r\x07") == "\\x1b[2Jhi\tthere\\x0d\\x07");
  REQUIRE(sanitize("gr\xc3\xbc\xc3\x9f") == "gr\xc3\xbc\xc3\x9f");
  REQUIRE(sanitize("\xc2\x9b"
                   "31m") == "\\xc2\\x9b31m");  // C1 CSI
  REQUIRE(sanitize("a\xff") == "a\\xff");
}

TEST_CASE("shell quoting survives a shell") {
  REQUIRE(shell_quote("plain-1.0/x=y,z") == "plain-1.0/x=y,z");
  REQUIRE(shell_quote("") == "''");
  REQUIRE(shell_quote("it's $HOME") == "'it'\\''s $HOME'");
  REQUIRE(shell_join({"a b", "c"}) == "'a b' c");
}

TEST_CASE("a mistyped word finds the one that was meant") {
  REQUIRE(nearest("memroy", {"memory", "cpus", "machine"}) == "memory");
  REQUIRE(nearest("zzzzzz", {"memory", "cpus"}).empty());
}

TEST_CASE("near ones are the likeliest first, and what begins alike") {
  using Names = std::vector<std::string>;
  const Names models{"486", "Haswell", "Haswell-v1", "Broadwell", "max"};
  REQUIRE(near_ones("Haswel", models, 5) == Names{"Haswell", "Haswell-v1"});
  REQUIRE(near_ones("Haswel", models, 1) == Names{"Haswell"});
  REQUIRE(near_ones("zzzzzz", models, 5).empty());
}

TEST_CASE("braces expand to a range of names") {
  REQUIRE(expand_braces("web-{1..3}") == std::vector<std::string>{"web-1", "web-2", "web-3"});
  REQUIRE(expand_braces("{0..1}{0..1}") == std::vector<std::string>{"00", "01", "10", "11"});
  REQUIRE(expand_braces("plain") == std::vector<std::string>{"plain"});
  REQUIRE(expand_braces("{x}") == std::vector<std::string>{"{x}"});
  REQUIRE(expand_braces("{0..99999999999}") == std::vector<std::string>{"{0..99999999999}"});
  REQUIRE(expand_braces("{3..1}") == std::vector<std::string>{"{3..1}"});
}

TEST_CASE("globs match as in a shell") {
  REQUIRE(glob_match("web-*", "web-12"));
  REQUIRE_FALSE(glob_match("web-?", "web-12"));
  REQUIRE(glob_match("db-[0-3]", "db-2"));
}

TEST_CASE("splitting and trimming keep empty fields and drop space") {
  REQUIRE(split("a,,b", ',') == std::vector<std::string_view>{"a", "", "b"});
  REQUIRE(trim(" \t x \r\n") == "x");
  REQUIRE(trim("   ").empty());
}

TEST_CASE("what replaces a word is not looked at again") {
  REQUIRE(replace_all("a-b-", "-", "--") == "a--b--");
  REQUIRE(replace_all("{n}{n}", "{n}", "") == "");
  REQUIRE(replace_all("none", "{n}", "x") == "none");
}

TEST_CASE("the last lines are those that say something, made harmless") {
  using Lines = std::vector<std::string>;
  REQUIRE(last_lines("one\r\n\n  two\x1b\n \t\nthree") == Lines{"one", "  two\\x1b", "three"});
  REQUIRE(last_lines("one\ntwo\nthree\n", 2) == Lines{"two", "three"});
  REQUIRE(last_lines("\n\r\n").empty());
}

TEST_CASE("UTF-8 refuses overlong forms, surrogates and what is out of range") {
  REQUIRE(utf8_sequence_length("\xc0\x80") == 0);
  REQUIRE(utf8_sequence_length("\xed\xa0\x80") == 0);
  REQUIRE(utf8_sequence_length("\xf4\x90\x80\x80") == 0);
  REQUIRE(utf8_sequence_length("\xf0\x9f\x98\x80") == 4);
  REQUIRE(utf8_sequence_length("\xe2\x82") == 0);
}
