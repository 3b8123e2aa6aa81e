// SPDX-License-Identifier: MIT
#include <vmfleet/qmp/framer.hpp>

#include "tests/support/catch.hpp"
#include "transcript.hpp"

using namespace vmfleet;
using qmp::Framer;
using qmp::FramerLimits;

namespace {

/// Messages as they are; an error as "! what".
std::vector<std::string> drain(Framer& framer) {
  std::vector<std::string> found;
  while (const auto front = framer.front()) {
    found.push_back(front->ok() ? std::string(**front)
                                : std::string("! ") + front->error().message());
    framer.pop();
  }
  return found;
}

std::vector<std::string> frame(std::string_view bytes, std::size_t chunk,
                               FramerLimits limits = FramerLimits()) {
  Framer framer(limits);
  std::vector<std::string> found;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(chunk, bytes.size()))) {
    framer.feed(bytes.substr(0, chunk));
    for (auto& message : drain(framer)) found.push_back(std::move(message));
  }
  return found;
}

/// The same result for the whole and for single bytes.
std::vector<std::string> frame_both_ways(const std::string& bytes,
                                         FramerLimits limits = FramerLimits()) {
  auto whole = frame(bytes, bytes.size() + 1, limits);
  REQUIRE(frame(bytes, 1, limits) == whole);
  return whole;
}

}  // namespace

TEST_CASE("a transcript gives the same messages in chunks of any size") {
  const auto transcript = qmp::test::make_transcript();
  REQUIRE(transcript.bytes.size() > 300'000);
  for (const std::size_t chunk : {1, 2, 3, 7, 64, 4096, 65536, 1 << 20}) {
    CAPTURE(chunk);
    REQUIRE((frame(transcript.bytes, chunk) == transcript.messages));
  }
}

TEST_CASE("a transcript split in two at every byte gives the same messages") {
  const auto transcript = qmp::test::make_transcript();
  const std::string_view bytes = transcript.bytes;
  // The prefix's framer is kept and copied. The rest is fed until the message that was split is
  // complete: a framer between messages, at the right offset, goes on as if nothing was split.
  Framer prefix;
  std::size_t complete = 0;
  std::size_t end = transcript.messages[0].size();
  std::size_t wrong = 0;
  for (std::size_t split = 0; split < bytes.size(); ++split) {
    Framer framer = prefix;
    framer.feed(bytes.substr(split, end - split));
    const auto found = framer.front();
    if (!found || !found->ok() || **found != transcript.messages[complete]) ++wrong;
    framer.pop();
    if (framer.front() || framer.offset() != end || !framer.pending().empty()) ++wrong;
    prefix.feed(bytes.substr(split, 1));
    if (drain(prefix).empty()) continue;
    if (++complete == transcript.messages.size()) break;
    end = bytes.find(transcript.messages[complete], end) + transcript.messages[complete].size();
  }
  REQUIRE(wrong == 0);
  REQUIRE(complete == transcript.messages.size());
}

TEST_CASE("messages on one line, without separators and over many lines are told apart") {
  const std::vector<std::string> expected = {"{}", "[1]", "{\"a\":\n {}\n}", "{\"b\":\"}\"}"};
  REQUIRE(frame_both_ways("{}[1]{\"a\":\n {}\n} \t{\"b\":\"}\"}\r\n") == expected);
}

TEST_CASE("brackets and quotes inside strings do not count") {
  const std::string message = R"({"a\"}]":"\\","b":"{[\\\"","c":"\u007b"})";
  REQUIRE(frame_both_ways(message + message) == std::vector<std::string>{message, message});
}

TEST_CASE("stray bytes are an error with their offset, and the next line is read") {
  const auto found = frame_both_ways("{}\n  oops} {\"lost\":1}\r\n{\"a\":1}");
  REQUIRE(found.size() == 3);
  REQUIRE(found[1] == "! bytes that belong to no message (at byte 5 of the stream)");
  REQUIRE(found[2] == "{\"a\":1}");
}

TEST_CASE("stray bytes are quoted, also when they are many") {
  Framer framer;
  framer.feed("SSH-2.0-OpenSSH\r\n");
  REQUIRE(framer.front()->error().evidence().front() == "SSH-2.0-OpenSSH\\x0d");
  framer.pop();
  framer.feed(std::string(5000, 'x'));
  REQUIRE(framer.front()->error().evidence().front() == std::string(120, 'x'));
  framer.pop();
  framer.feed(std::string(5000, 'x') + "\n[]");
  REQUIRE(drain(framer) == std::vector<std::string>{"[]"});
}

TEST_CASE("a string that was cut short by a newline costs only its own line") {
  const auto found = frame_both_ways("{\"return\": \"abc\n{\"return\": {}}\n");
  REQUIRE(found.size() == 2);
  REQUIRE(found[0] == "! a control character inside a string (at byte 15 of the stream)");
  REQUIRE(found[1] == "{\"return\": {}}");
}

TEST_CASE("any control character ends a string, at any alignment") {
  for (std::size_t at = 0; at < 24; ++at) {
    for (int control = 0; control < 0x20; ++control) {
      std::string text(24, '~');
      text[at] = static_cast<char>(control);
      REQUIRE(frame("[\"" + text + "\"]", 100).at(0)[0] == '!');
    }
  }
}

TEST_CASE("bytes above 0x7f are ordinary inside a string") {
  std::string all;
  for (int byte = 0x80; byte < 0x100; ++byte) all += static_cast<char>(byte);
  REQUIRE(frame_both_ways("[\"" + all + "\"]") == std::vector<std::string>{"[\"" + all + "\"]"});
}

TEST_CASE("nesting is limited to 1024") {
  const std::string at_limit = std::string(1024, '[') + std::string(1024, ']');
  REQUIRE(frame_both_ways(at_limit) == std::vector<std::string>{at_limit});
  const auto found = frame_both_ways("[" + at_limit + "]\n{}");
  REQUIRE(found ==
          std::vector<std::string>{"! nested too deeply (at byte 1024 of the stream)", "{}"});
}

TEST_CASE("a message over the size limit is refused, one of exactly the limit is not") {
  FramerLimits limits;
  limits.message_bytes = 40;
  const std::string fits = "[\"" + std::string(36, 'a') + "\"]";
  REQUIRE(frame_both_ways(fits, limits) == std::vector<std::string>{fits});
  const std::vector<std::string> expected = {
      "! a message of more than 40 bytes (at byte 40 of the stream)", "{}"};
  REQUIRE(frame_both_ways("[\"" + std::string(37, 'a') + "\"]\n{}", limits) == expected);
  REQUIRE(frame_both_ways("[\"" + std::string(999, 'a') + "\"]\n{}", limits) == expected);
  REQUIRE(frame_both_ways("[\"" + std::string(38, 'a') + "\x02\"]\n{}", limits) == expected);
  REQUIRE(frame_both_ways("[\"" + std::string(38, 'a') + "\\", limits) ==
          std::vector<std::string>(1, expected[0]));
}

TEST_CASE("the front message stays until it is popped") {
  Framer framer;
  framer.feed("{}[]");
  REQUIRE(**framer.front() == "{}");
  framer.feed("{\"c\":1}");
  REQUIRE(**framer.front() == "{}");
  framer.pop();
  REQUIRE(drain(framer) == std::vector<std::string>{"[]", "{\"c\":1}"});
}

TEST_CASE("pending shows what has begun, and offset where") {
  Framer framer;
  framer.feed("{} {\"ret");
  REQUIRE(drain(framer).size() == 1);
  REQUIRE_FALSE(framer.front());
  REQUIRE(framer.pending() == "{\"ret");
  REQUIRE(framer.offset() == 3);
  framer.feed("urn\":{}}\r\n");
  REQUIRE(drain(framer) == std::vector<std::string>{"{\"return\":{}}"});
  REQUIRE(framer.pending().empty());
}

TEST_CASE("memory is given back after a large message") {
  Framer framer;
  framer.feed("[\"");
  for (int i = 0; i < 64; ++i) {
    framer.feed(std::string(1 << 17, 'x'));
    REQUIRE_FALSE(framer.front());
  }
  framer.feed("\"]{\"a\"");
  REQUIRE(framer.capacity() > std::size_t{8} << 20);
  REQUIRE((*framer.front())->size() == (std::size_t{8} << 20) + 4);
  framer.pop();
  REQUIRE(framer.capacity() <= std::size_t{1} << 20);
  framer.feed(":1}");
  REQUIRE(drain(framer) == std::vector<std::string>{"{\"a\":1}"});
}

TEST_CASE("memory does not grow with the number of messages") {
  Framer framer;
  const std::string padding(1 << 16, ' ');
  for (int i = 0; i < 200; ++i) {
    framer.feed("{\"a\":1}" + padding + "[");
    REQUIRE(framer.front());
    framer.pop();
    REQUIRE_FALSE(framer.front());
    framer.feed("]\n?" + padding);
    REQUIRE(drain(framer).size() == 2);
    framer.feed("\n");
  }
  REQUIRE(framer.capacity() <= std::size_t{1} << 20);
}
