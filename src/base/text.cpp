// SPDX-License-Identifier: MIT
// Small text utilities.
#include <vmfleet/base/text.hpp>

#include <fnmatch.h>

#include <algorithm>
#include <cstdint>
#include <numeric>

#include <fmt/format.h>

#include <vmfleet/base/utf8.hpp>

namespace vmfleet {
namespace {

/// Letters to insert, remove or replace.
std::size_t edit_distance(std::string_view word, std::string_view other) {
  std::vector<std::size_t> row(other.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < word.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < other.size(); ++j) {
      const std::size_t replaced = diagonal + (word[i] == other[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j + 1] + 1, row[j] + 1});
    }
  }
  return row.back();
}

/// So many edits make another word of it.
std::size_t another_word(std::string_view word) noexcept {
  return word.size() / 3 + 2;
}

}  // namespace

std::string_view trim(std::string_view text) noexcept {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  return fmt::format("{}", fmt::join(parts, separator));
}

std::string replace_all(std::string_view text, std::string_view what, std::string_view by) {
  std::string replaced;
  for (;;) {
    const auto at = text.find(what);
    replaced.append(text.substr(0, at));
    if (at == std::string_view::npos) return replaced;
    replaced.append(by);
    text.remove_prefix(at + what.size());
  }
}

std::string shell_quote(std::string_view word) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=,@%+";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string_view::npos) {
    return std::string(word);
  }
  std::string quoted = "'";
  for (const char c : word) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

std::string shell_join(const std::vector<std::string>& argv) {
  std::vector<std::string> words;
  words.reserve(argv.size());
  for (const auto& word : argv) words.push_back(shell_quote(word));
  return join(words, " ");
}

std::string sanitize(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_sequence_length(text);
    const auto byte = static_cast<unsigned char>(text[0]);
    // C1 controls (U+0080..U+009F) start escape sequences on some terminals.
    const bool c1 = length == 2 && byte == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0;
    if (length == 0 || c1 || (byte < 0x20 && byte != '\t') || byte == 0x7F) {
      const std::size_t bytes = std::max<std::size_t>(length, 1);
      for (std::size_t i = 0; i < bytes; ++i) {
        clean += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[i]));
      }
      text.remove_prefix(bytes);
      continue;
    }
    clean.append(text.substr(0, length));
    text.remove_prefix(length);
  }
  return clean;
}

std::vector<std::string> last_lines(std::string_view text, std::size_t most) {
  std::vector<std::string> lines;
  for (std::string_view line : split(text, '\n')) {
    while (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (!trim(line).empty()) lines.push_back(sanitize(line));
  }
  if (lines.size() > most) {
    lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(most));
  }
  return lines;
}

std::string_view nearest(std::string_view word, const std::vector<std::string>& candidates) {
  std::string_view best;
  std::size_t best_distance = another_word(word);
  for (const auto& candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance >= best_distance) continue;
    best_distance = distance;
    best = candidate;
  }
  return best;
}

std::vector<std::string> near_ones(std::string_view word,
                                   const std::vector<std::string>& candidates, std::size_t most) {
  std::vector<std::pair<std::size_t, std::string>> near;
  for (const auto& candidate : candidates) {
    // The word may also be the beginning of a longer one.
    const std::size_t distance = std::min(
        edit_distance(word, candidate), edit_distance(word, candidate.substr(0, word.size())) + 1);
    if (distance < another_word(word)) near.emplace_back(distance, candidate);
  }
  std::sort(near.begin(), near.end());
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::min(most, near.size()); ++i) names.push_back(near[i].second);
  return names;
}

std::vector<std::string> expand_braces(std::string_view pattern) {
  constexpr std::uint64_t kMost = 100'000;
  const auto open = pattern.find('{');
  const auto close = pattern.find('}', open == std::string_view::npos ? 0 : open);
  if (open == std::string_view::npos || close == std::string_view::npos) {
    return {std::string(pattern)};
  }
  const std::string_view range = pattern.substr(open + 1, close - open - 1);
  const auto dots = range.find("..");
  const auto number = [](std::string_view digits) {
    return digits.empty() || digits.size() > 9 ||
                   digits.find_first_not_of("0123456789") != std::string_view::npos
               ? kMost
               : std::stoull(std::string(digits));
  };
  if (dots == std::string_view::npos) return {std::string(pattern)};
  const std::uint64_t first = number(range.substr(0, dots));
  const std::uint64_t last = number(range.substr(dots + 2));
  if (first >= kMost || last >= kMost || first > last) return {std::string(pattern)};
  std::vector<std::string> names;
  for (std::uint64_t i = first; i <= last; ++i) {
    const std::string head = std::string(pattern.substr(0, open)) + std::to_string(i);
    for (const auto& tail : expand_braces(pattern.substr(close + 1))) names.push_back(head + tail);
  }
  return names;
}

bool glob_match(std::string_view pattern, std::string_view name) noexcept {
  return ::fnmatch(std::string(pattern).c_str(), std::string(name).c_str(), 0) == 0;
}

std::string short_hash(std::string_view data) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : data) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return fmt::format("{:016x}", hash);
}

}  // namespace vmfleet
