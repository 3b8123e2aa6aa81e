// SPDX-License-Identifier: MIT
// Findings: the matches of one feed, each once although several views see it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <vmfleet/console/matcher.hpp>

namespace vmfleet::console {

class Findings {
 public:
  explicit Findings(std::size_t patterns) : least_end_(patterns, 0) {}

  /// The views agree on where an occurrence ends; what ends earlier was seen by another view.
  void add(std::size_t pattern, std::uint64_t offset, std::uint64_t end, std::string line) {
    if (end < least_end_[pattern]) return;
    least_end_[pattern] = end + 1;
    found_.push_back({pattern, offset, end, std::move(line)});
  }
  std::vector<Match> take() { return std::exchange(found_, {}); }

 private:
  std::vector<std::uint64_t> least_end_;  // of the next occurrence
  std::vector<Match> found_;
};

}  // namespace vmfleet::console
