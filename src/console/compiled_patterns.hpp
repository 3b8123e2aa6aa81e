// SPDX-License-Identifier: MIT
// CompiledPatterns: the automata and expressions behind a PatternSet.
#pragma once

#include <re2/filtered_re2.h>

#include <cstddef>
#include <vector>

#include <vmfleet/console/pattern.hpp>

#include "console/aho_corasick.hpp"

namespace vmfleet::console {

/// Regular expressions are tried only on lines that contain the literal parts ("atoms") which RE2
/// says that they need; the atoms are found like literals, in one pass.
struct CompiledPatterns {
  explicit CompiledPatterns(std::vector<Pattern> all);

  std::vector<Pattern> patterns;
  std::vector<std::size_t> literal_pattern;  // literal number → pattern
  std::vector<std::size_t> regex_pattern;    // regex number → pattern
  re2::FilteredRE2 regexes;
  AhoCorasick literals;
  AhoCorasick atoms;
  std::vector<int> always;  // regexes without atoms: every line has to be tried
};

}  // namespace vmfleet::console
