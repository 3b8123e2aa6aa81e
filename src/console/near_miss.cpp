// SPDX-License-Identifier: MIT
// near_miss: edit distance of a pattern to any part of a line.
#include <vmfleet/console/near_miss.hpp>

#include <algorithm>
#include <string_view>
#include <vector>

namespace vmfleet::console {
namespace {

constexpr std::size_t kLongestPattern = 128;
constexpr std::size_t kComparedBytes = 512;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// A rough reading of the syntax is enough here: what is between metacharacters is literal.
std::string longest_literal_part(const std::string& regex) {
  constexpr std::string_view kMeta = "^$.|?*+()[]{}";
  std::string longest;
  std::string part;
  const auto end_part = [&] {
    if (part.size() > longest.size()) longest = part;
    part.clear();
  };
  int nesting = 0;  // inside brackets or braces nothing is text
  for (std::size_t i = 0; i < regex.size(); ++i) {
    const char c = regex[i];
    const bool escaped = c == '\\' && i + 1 < regex.size();
    if (c == '[' || c == '{') ++nesting;
    if ((c == ']' || c == '}') && nesting > 0) --nesting;
    if (escaped && kMeta.find(regex[i + 1]) != std::string_view::npos && nesting == 0) {
      part += regex[++i];
    } else if (escaped || nesting > 0 || kMeta.find(c) != std::string_view::npos) {
      if (escaped) ++i;
      if ((c == '?' || c == '*') && !part.empty()) part.pop_back();
      end_part();
    } else {
      part += c;
    }
  }
  end_part();
  return longest;
}

// Sellers' algorithm: the row before the pattern is all zeroes, so a match may begin anywhere.
std::size_t edits_to_part_of(std::string_view word, std::string_view line) {
  std::vector<std::size_t> column(word.size() + 1);
  for (std::size_t i = 0; i < column.size(); ++i) column[i] = i;
  std::size_t least = column.back();
  for (const char c : line) {
    std::size_t diagonal = 0;
    for (std::size_t i = 0; i < word.size(); ++i) {
      const std::size_t changed = diagonal + (lower(word[i]) == lower(c) ? 0 : 1);
      diagonal = column[i + 1];
      column[i + 1] = std::min({changed, column[i + 1] + 1, column[i] + 1});
    }
    least = std::min(least, column.back());
  }
  return least;
}

}  // namespace

std::optional<NearMiss> near_miss(const Pattern& pattern, std::span<const std::string> lines) {
  std::string word = pattern.kind() == Pattern::Kind::literal
                         ? pattern.text()
                         : longest_literal_part(pattern.text());
  word.resize(std::min(word.size(), kLongestPattern));
  std::size_t bound = word.size() / 3;  // more edits than that is another text
  std::optional<NearMiss> nearest;
  for (std::size_t i = lines.size(); i-- > 0 && word.size() >= 3;) {
    const std::size_t edits =
        edits_to_part_of(word, std::string_view(lines[i]).substr(0, kComparedBytes));
    if (edits > bound || (nearest && edits >= nearest->edits)) continue;
    nearest = NearMiss{lines[i], edits};
    bound = edits;
  }
  return nearest;
}

}  // namespace vmfleet::console
