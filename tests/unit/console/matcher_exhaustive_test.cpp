// SPDX-License-Identifier: MIT
// R14: a marker is found once and at once, however it is split and whatever is printed into it.
#include <string>
#include <vector>

#include <vmfleet/base/text.hpp>

#include "matching.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet::console;

namespace {

const std::string kMarker = "vmfleet: gu\xc3\xabst [ready]";

std::vector<std::string> nuisances() {
  using namespace std::string_literals;
  return {
      ""s,
      "\r"s,
      "\r\r"s,
      "\0"s,
      "\0\0\0\0"s,
      "\x07\x08\x7f"s,
      "\x1b[0m"s,
      "\x1b[1;31m\x1b[K"s,
      "\x1b[?2004h"s,
      "\x1b[0 q"s,
      "\x1b]0;title\x07"s,
      "\x1b]8;;http://x\x1b\\"s,
      "\x1b]0;" + std::string(70, 't') + "\x1b\\",
      "\x1b(B"s,
      "\x1b"
      "7"s,
      "\x1bPq#0\x1b\\"s,
      "\x1b[0\r;1m"s,
      "\xff"s,
      "\xfe\xff"s,
      "\xc0\x80"s,
      "\xed\xa0\x80"s,
      "[    1.234567] random: crng init done\n"s,
      "[    1.234567] random: crng init done\r\n"s,
      "[12345.000001][    T1] clocksource: tsc\r\n[12345.000002][  T99] usb 1-1: [new] device\r\n"s,
      "\x1b[32m[    0.000000] \x1b[0mLinux version 6.1.0\r\n"s,
      "[    1.234567] vmfleet: gu[    1.2] x\n"s,
  };
}

/// Whether the marker is found once, by the piece that brings the byte before `end`.
bool found_at(const PatternSet& patterns, const std::vector<std::string>& pieces, std::size_t end) {
  Matcher matcher(patterns);
  std::size_t fed = 0;
  std::size_t found = 0;
  for (const auto& piece : pieces) {
    fed += piece.size();
    for (const auto& match : matcher.feed(piece)) {
      ++found;
      if (match.end != end) return false;
    }
    if (found != (fed >= end ? 1U : 0U)) return false;
  }
  return matcher.at_rest().empty();
}

std::vector<std::string> byte_by_byte(const std::string& text) {
  std::vector<std::string> pieces;
  for (const char c : text) pieces.emplace_back(1, c);
  return pieces;
}

void require_found_in_any_pieces(const PatternSet& patterns, const std::string& stream,
                                 std::size_t end) {
  CHECK(found_at(patterns, byte_by_byte(stream), end));
  CHECK(found_at(patterns, {stream}, end));
  for (std::size_t split = 1; split < stream.size(); ++split) {
    if (found_at(patterns, {stream.substr(0, split), stream.substr(split)}, end)) continue;
    FAIL_CHECK("split at " << split << " of \"" << vmfleet::sanitize(stream) << '"');
  }
}

void require_found_despite_nuisances(const PatternSet& patterns) {
  for (const auto& nuisance : nuisances()) {
    for (std::size_t at = 0; at <= kMarker.size(); ++at) {
      // Garbage between the bytes of one character makes garbage of that character.
      const bool inside_character = at == kMarker.find('\xab');
      if (inside_character && !nuisance.empty() &&
          static_cast<unsigned char>(nuisance[0]) >= 0x80) {
        continue;
      }
      INFO("nuisance " << vmfleet::sanitize(nuisance) << " at " << at);
      std::string stream = "Debian GNU/Linux\r\n";
      const std::size_t start = stream.size();
      stream += kMarker;
      stream.insert(start + at, nuisance);
      const std::size_t end = start + kMarker.size() + (at < kMarker.size() ? nuisance.size() : 0);
      require_found_in_any_pieces(patterns, stream, end);
    }
  }
}

}  // namespace

TEST_CASE("a literal is found once and at once whatever is printed into it at any place") {
  require_found_despite_nuisances(literal(kMarker));
}

TEST_CASE("an expression is found once and at once whatever is printed into it at any place") {
  require_found_despite_nuisances(regex("vmfleet: gu\xc3\xabst \\[read[xyz]\\]"));
}

TEST_CASE("an expression without any literal part is found at once on an open line") {
  require_found_in_any_pieces(regex("[0-9]+:[a-f]{3}[0-9]"), "boot\r\n x 77:abc9 and more\r\n", 16);
}
