// SPDX-License-Identifier: MIT
#include "console/aho_corasick.hpp"

#include "tests/support/catch.hpp"

using namespace vmfleet::console;

namespace {

using Found = std::vector<std::vector<std::uint32_t>>;

/// The words that end at each byte.
Found words_in(const AhoCorasick& automaton, std::string_view text) {
  Found found;
  auto state = AhoCorasick::kStart;
  for (const char byte : text) {
    state = automaton.next(state, byte);
    found.push_back(automaton.words_at(state));
    REQUIRE(automaton.ends_word(state) == !found.back().empty());
  }
  return found;
}

}  // namespace

TEST_CASE("words inside words and behind each other are all found") {
  const AhoCorasick automaton({"she", "he", "hers"}, AhoCorasick::Case::exact);
  REQUIRE(words_in(automaton, "shers") == Found{{}, {}, {0, 1}, {}, {2}});
  REQUIRE(words_in(automaton, "hhe") == Found{{}, {}, {1}});
}

TEST_CASE("any byte may be part of a word") {
  const AhoCorasick automaton({std::string("\0\xff", 2)}, AhoCorasick::Case::exact);
  REQUIRE(words_in(automaton, std::string_view("\0\0\xff", 3)) == Found{{}, {}, {0}});
}

TEST_CASE("folded words are found in any case, exact ones in theirs") {
  const AhoCorasick folded({"ok"}, AhoCorasick::Case::folded);
  REQUIRE(words_in(folded, "oK") == Found{{}, {0}});
  const AhoCorasick exact({"ok"}, AhoCorasick::Case::exact);
  REQUIRE(words_in(exact, "oK") == Found{{}, {}});
}

TEST_CASE("no words are found by an automaton without words") {
  REQUIRE(words_in(AhoCorasick({}, AhoCorasick::Case::exact), "abc") == Found{{}, {}, {}});
}
