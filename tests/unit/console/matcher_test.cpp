// SPDX-License-Identifier: MIT
#include <vmfleet/console/matcher.hpp>

#include <string>

#include <vmfleet/base/error.hpp>

#include "matching.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using namespace vmfleet::console;

namespace {

std::vector<std::uint64_t> ends(const std::vector<Match>& matches) {
  std::vector<std::uint64_t> places;
  for (const auto& match : matches) places.push_back(match.end);
  return places;
}

std::string error_of(const std::vector<Pattern>& patterns) {
  try {
    const PatternSet set(patterns);
  } catch (const Error& error) {
    REQUIRE(error.kind() == ErrorKind::invalid_config);
    return error.message();
  }
  return "";
}

}  // namespace

TEST_CASE("a match says which pattern, where, and on which line") {
  Matcher matcher(PatternSet({Pattern::literal("absent"), Pattern::literal("ready")}), 1000);
  const auto found = matcher.feed("boot\n\x1b[1mguest ready\n");
  REQUIRE(found.size() == 1);
  REQUIRE(found[0].pattern == 1);
  REQUIRE(found[0].offset == 1009);
  REQUIRE(found[0].end == 1020);
  REQUIRE(found[0].line == "guest ready");
  REQUIRE(matcher.offset() == 1021);
}

TEST_CASE("each occurrence of a literal is reported, overlapping ones too") {
  REQUIRE(ends(feed_all(literal("aa"), "aaa b aa")) == std::vector<std::uint64_t>{2, 3, 8});
}

TEST_CASE("literals that end together are all reported") {
  const PatternSet set({Pattern::literal("b"), Pattern::literal("ab"), Pattern::literal("b")});
  REQUIRE(feed_all(set, "ab").size() == 3);
}

TEST_CASE("a literal may span lines, whatever their line ends") {
  REQUIRE(feed_all(literal("one\ntwo"), "one\r\ntwo").size() == 1);
  REQUIRE(feed_all(literal("one\r\ntwo"), "one\r\ntwo").size() == 1);
}

TEST_CASE("a pattern may contain what would be dropped as a nuisance") {
  REQUIRE(feed_all(literal("\x1b[6n"), "sh \x1b[6n").size() == 1);
  REQUIRE(feed_all(literal(std::string("a\0b", 3)), std::string_view("a\0b", 3)).size() == 1);
  REQUIRE(feed_all(regex("f\\x{fc}r"), "f\xfcr").size() == 1);
}

TEST_CASE("an unfinished escape sequence hides nothing") {
  REQUIRE(feed_all(literal("ready"), "\x1b]0;ready").size() == 1);
  REQUIRE(feed_all(literal("ready"), "\x1b[ready").size() == 1);
  REQUIRE(feed_all(regex("^ready$"), "\x1b]0;no end\nready\n").size() == 1);
}

TEST_CASE("an expression is reported once for each line that matches") {
  REQUIRE(ends(feed_all(regex("r[a-z]+y"), "ready ready\nno\nreally\r\n")) ==
          std::vector<std::uint64_t>{5, 21});
}

TEST_CASE("line ends in an expression are a line's, not a piece's") {
  Matcher matcher(regex("^guest$"));
  REQUIRE(matcher.feed("guest").empty());
  REQUIRE(matcher.feed("s\nthe guest\n").empty());
  REQUIRE(matcher.feed("gues").empty());
  REQUIRE(matcher.feed("t\r").empty());
  REQUIRE(matcher.feed("\n").size() == 1);
}

TEST_CASE("a word's end is certain only when the next byte is there") {
  Matcher matcher(regex("ready\\b"));
  REQUIRE(matcher.feed("alread").empty());
  REQUIRE(matcher.feed("y").empty());
  REQUIRE(matcher.feed("!").size() == 1);
  Matcher other(regex("read\\B"));
  REQUIRE(other.feed("read").empty());
  REQUIRE(other.feed(" ready").size() == 1);
}

TEST_CASE("a prompt that ends the line matches when the guest is at rest") {
  Matcher matcher(regex("[#$] $"));
  REQUIRE(matcher.feed("a # b\r\n~ # ").empty());
  REQUIRE(matcher.at_rest().size() == 1);
  REQUIRE(matcher.at_rest().empty());
  REQUIRE(matcher.feed("ls\r\n").empty());
}

TEST_CASE("a line that is rewritten after a carriage return is a new line") {
  REQUIRE(feed_all(regex("^done$"), "10%\r20%\rdone\r\n").size() == 1);
  REQUIRE(feed_all(regex("^20%$"), "10%\r20%\rdone\r\n").size() == 1);
}

TEST_CASE("expressions ignore case only when asked to") {
  REQUIRE(feed_all(regex("Login:"), "login:").empty());
  REQUIRE(feed_all(regex("(?i)LOGIN:"), "Login:").size() == 1);
}

TEST_CASE("a kernel record is searched too, and so is text that only looks like one") {
  REQUIRE(feed_all(literal("init done"), "gue[    1.234567] crng init done\nst").size() == 1);
  REQUIRE(feed_all(literal("a[1.5] b"), "a[1.5] b").size() == 1);
  REQUIRE(feed_all(literal("x[    1.234567] y"), "x[    1.234567] y").size() == 1);
  REQUIRE(feed_all(literal("gue["), "gue[    1.234567] x\nst").size() == 1);
}

TEST_CASE("a marker is found in what Linux 6.1 wrote to a serial port") {
  const std::string_view log =
      "[    1.400514] Run /init as init process\r\n"
      "vmfleet: gue[    1.482926] hello from kmsg\r\n"
      "[    1.483403] and again\r\n"
      "st ready[    2.088810] tsc: Refined TSC clocksource calibration: 2299.979 MHz\r\n";
  const auto found = feed_all(
      PatternSet({Pattern::literal("vmfleet: guest ready"), Pattern::regex("^vm.*ready")}), log);
  REQUIRE(found.size() == 2);
  REQUIRE(found[0].line == "vmfleet: guest ready");
  REQUIRE(found[1].pattern == 1);
  REQUIRE(found[1].end == found[0].end);
}

TEST_CASE("a match in a kernel record does not hide one in the line around it") {
  const auto found = feed_all(regex("guest ready|crng"), "gue[    1.234567] crng done\nst ready\n");
  REQUIRE(ends(found) == std::vector<std::uint64_t>{22, 36});
}

TEST_CASE("a line without end is searched in bounded pieces") {
  Matcher matcher(PatternSet(
      {Pattern::regex("begin.{100}end"), Pattern::regex("^x+y"), Pattern::literal("tail")}));
  std::string stream(65'500, 'x');
  stream += "begin" + std::string(100, '.') + "end";  // lies across the bound
  stream += std::string(200'000, 'z') + "xy tail";
  const auto found = matcher.feed(stream);
  REQUIRE(found.size() == 2);
  REQUIRE(found[0].pattern == 0);
  REQUIRE(found[0].end == 65'608);
  REQUIRE(found[0].offset == 0);
  REQUIRE(found[1].pattern == 2);
}

TEST_CASE("a bad expression is explained with its place and reason") {
  const auto text = error_of({Pattern::literal("ok"), Pattern::regex("log(in")});
  REQUIRE_THAT(text, ContainsSubstring("\"log(in\""));
  REQUIRE_THAT(text, ContainsSubstring("missing"));
  REQUIRE_THAT(error_of({Pattern::regex("a[z-a]")}), ContainsSubstring("at character 3"));
  REQUIRE_THAT(error_of({Pattern::regex("(?=x)")}), ContainsSubstring("(?="));
  REQUIRE_THAT(error_of({Pattern::literal("")}), ContainsSubstring("empty"));
}

TEST_CASE("after a restart nothing of the old stream counts") {
  Matcher matcher(literal("ready"), 7);
  REQUIRE(matcher.feed("rea").empty());
  matcher.restart(0);
  REQUIRE(matcher.feed("dy").empty());
  REQUIRE(ends(matcher.feed("ready")) == std::vector<std::uint64_t>{7});
}

TEST_CASE("matchers that share a pattern set do not disturb each other") {
  const auto set = literal("ready");
  Matcher first(set);
  Matcher second(set);
  REQUIRE(first.feed("rea").empty());
  REQUIRE(second.feed("dy").empty());
  REQUIRE(first.feed("dy").size() == 1);
}
