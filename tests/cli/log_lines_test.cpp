// SPDX-License-Identifier: MIT
#include "cli/log_lines.hpp"

#include "cli/escapes.hpp"
#include "tests/support/catch.hpp"

using vmfleet::cli::LogFormat;
using vmfleet::cli::LogLines;

namespace {

std::string show(const LogFormat& format, std::string_view bytes, std::size_t piece) {
  LogLines lines(format);
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    text += lines.feed(bytes.substr(at, piece), std::nullopt);
  }
  return text + lines.finish();
}

}  // namespace

TEST_CASE("how a log was cut into pieces makes no difference to what is shown") {
  const std::string bytes =
      "one\r\ntw\xc3\xb6 \x1b[31mred\x1b[0m \x1b]0;title\x07\x1b(B\x1b\r\n\r\n\xff\rlast \x1b[";
  for (const bool open_lines : {false, true}) {
    LogFormat format;
    format.open_lines = open_lines;
    format.prefix = "web | ";
    const std::string whole = show(format, bytes, bytes.size());
    CHECK(whole == "web | one\nweb | tw\xc3\xb6 red \\x1b\nweb | \nweb | \\xff\\x0dlast \\x1b[\n");
    for (std::size_t piece = 1; piece < bytes.size(); ++piece) {
      CHECK(show(format, bytes, piece) == whole);
    }
  }
}

TEST_CASE("an open line is shown at once when that is asked for") {
  LogFormat format;
  format.open_lines = true;
  LogLines lines(format);
  CHECK(lines.feed("login: ", std::nullopt) == "login: ");
  CHECK(lines.feed("root\n", std::nullopt) == "root\n");
  CHECK(lines.finish().empty());
}

TEST_CASE("an open line waits for its end in a log of several machines") {
  LogFormat format;
  format.prefix = "a | ";
  LogLines lines(format);
  CHECK(lines.feed("log", std::nullopt).empty());
  CHECK(lines.feed("in\nnext", std::nullopt) == "a | login\n");
  CHECK(lines.finish() == "a | next\n");
}

TEST_CASE("raw output is the guest's bytes") {
  LogFormat format;
  format.raw = true;
  const std::string bytes = "\x1b[2J one\r\ntwo";
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    CHECK(show(format, bytes, piece) == bytes);
  }
}

TEST_CASE("each line is a JSON object with --json") {
  LogFormat format;
  format.json = true;
  format.machine = "web-0";
  LogLines lines(format);
  CHECK(lines.feed("a \"b\"\x1b\r\n", std::string("T")) ==
        "{\"machine\":\"web-0\",\"time\":\"T\",\"line\":\"a \\\"b\\\"\\u001b\"}\n");
}

TEST_CASE("a timestamp stands before what was read while following") {
  LogFormat format;
  format.timestamps = true;
  LogLines lines(format);
  CHECK(lines.feed("old\n", std::nullopt) == std::string("-") + std::string(24, ' ') + "old\n");
  CHECK(lines.feed("new\n", std::string("2026-01-31T12:00:00.000Z")) ==
        "2026-01-31T12:00:00.000Z new\n");
}

TEST_CASE("a line that never ends does not fill the memory") {
  LogFormat format;
  format.prefix = "a | ";
  LogLines lines(format);
  std::string text;
  for (int i = 0; i < 100; ++i) text += lines.feed(std::string(1000, 'x'), std::nullopt);
  CHECK(text.size() > 60'000);
}

TEST_CASE("escape sequences of every form are left out, and nothing else") {
  using vmfleet::cli::strip_escapes;
  CHECK(strip_escapes("a\x1b[2Jb\x1b[?25lc\x1b[1;31md\x1b[0 qe") == "abcde");
  CHECK(strip_escapes("a\x1b]0;title\x07"
                      "b\x1bP1$r\x1b\\c\x1b"
                      "cd\x1b(Be") == "abcde");
  CHECK(strip_escapes("a\x1b") == "a\x1b");
  CHECK(strip_escapes("a\x1b[3\x01z") == "a\x1b[3\x01z");
  const std::string endless = "\x1b]" + std::string(5000, 'x');
  CHECK(strip_escapes(endless) == endless);
}
