// SPDX-License-Identifier: MIT
// Helpers of the console's tests: feeding a stream in pieces and naming what was found.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <vmfleet/console/matcher.hpp>

namespace vmfleet::console {

inline PatternSet one(Pattern pattern) {
  std::vector<Pattern> patterns;
  patterns.push_back(std::move(pattern));
  return PatternSet(std::move(patterns));
}
inline PatternSet literal(std::string text) {
  return one(Pattern::literal(std::move(text)));
}
inline PatternSet regex(std::string text) {
  return one(Pattern::regex(std::move(text)));
}

inline void append(std::vector<Match>& to, std::vector<Match> more) {
  for (auto& match : more) to.push_back(std::move(match));
}

/// Everything found in `stream` when it arrives in pieces of `size` bytes.
inline std::vector<Match> feed_in_pieces(Matcher& matcher, std::string_view stream,
                                         std::size_t size) {
  std::vector<Match> found;
  for (std::size_t at = 0; at < stream.size(); at += size) {
    append(found, matcher.feed(stream.substr(at, size)));
  }
  return found;
}

inline std::vector<Match> feed_all(const PatternSet& patterns, std::string_view stream) {
  Matcher matcher(patterns);
  return matcher.feed(stream);
}

}  // namespace vmfleet::console
