// SPDX-License-Identifier: MIT
// The matcher must find what a naive search of the whole text finds, at once and once.
#include "tests/fuzz/matcher_target.hpp"

#include <re2/re2.h>
#include <re2/stringpiece.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <vmfleet/base/text.hpp>
#include <vmfleet/console/matcher.hpp>

#include "tests/fuzz/naive_views.hpp"

namespace vmfleet::fuzz {
namespace {

using console::Match;
using console::Pattern;
using console::PatternSet;

const PatternSet& patterns() {
  static const PatternSet set({
      Pattern::literal("ab"),
      Pattern::literal("bab"),
      Pattern::literal("a\nb"),
      Pattern::literal("\n"),
      Pattern::literal("[a"),
      Pattern::literal("\xc3\xab"),
      Pattern::literal("a\xc3\xab"),
      Pattern::literal("\x1b[a"),
      Pattern::literal("\rb"),
      Pattern::regex("^ab"),
      Pattern::regex("a[a-b]c$"),
      Pattern::regex("b\\b"),
      Pattern::regex("[0-9]{2}a"),
      Pattern::regex("(?i)C.*\\["),
      Pattern::regex("^$"),
      Pattern::regex("\\Ba|x+"),
  });
  return set;
}

// Random bytes alone would hardly ever make an escape sequence or a kernel's stamp.
std::string stream_from(std::string_view data) {
  static const std::string tokens[] = {"a",
                                       "b",
                                       "c",
                                       "x",
                                       "ab",
                                       "\n",
                                       "\r\n",
                                       "\r",
                                       "[",
                                       "\x1b",
                                       "\x1b[",
                                       "\x1b[1;1m",
                                       "\x1b]0;t\a",
                                       "m",
                                       "\x1b\\",
                                       "\x1b]",
                                       ";",
                                       "\\",
                                       "\xc3",
                                       "\xab",
                                       "\xc3\xab",
                                       "\xff",
                                       "é",
                                       "1",
                                       "  ",
                                       "] ",
                                       ".",
                                       "123456",
                                       "[    1",
                                       ".123456] ",
                                       "[    1.234567] ab\n",
                                       "[12345.000000][ T1] x\r\n"};
  std::string stream;
  for (const char c : data) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 224) {
      stream += tokens[byte % std::size(tokens)];
    } else {
      stream.push_back(static_cast<char>(byte - 224));
    }
  }
  return stream;
}

[[noreturn]] void disagree(const char* what, std::size_t pattern, std::uint64_t end,
                           std::string_view stream) {
  std::fprintf(stderr, "matcher: %s: pattern %zu \"%s\", end %llu, in \"%s\"\n", what, pattern,
               sanitize(patterns()[pattern].text()).c_str(), static_cast<unsigned long long>(end),
               sanitize(stream).c_str());
  std::abort();
}

const RE2& expression(std::size_t pattern) {
  static const auto compiled = [] {
    std::vector<std::unique_ptr<RE2>> all;
    for (std::size_t i = 0; i < patterns().size(); ++i) {
      RE2::Options options(RE2::Latin1);
      options.set_log_errors(false);  // literals need not be expressions
      all.push_back(std::make_unique<RE2>(patterns()[i].text(), options));
    }
    return all;
  }();
  return *compiled[pattern];
}

bool is_literal(std::size_t pattern) {
  return patterns()[pattern].kind() == Pattern::Kind::literal;
}

using Ends = std::vector<std::set<std::uint64_t>>;  // by pattern

/// What a feed in pieces of `sizes` (repeated) reports; checks that literals come at once.
Ends found_by_matcher(std::string_view stream, std::string_view sizes) {
  console::Matcher matcher(patterns());
  Ends ends(patterns().size());
  std::size_t turn = 0;
  for (std::size_t at = 0; at < stream.size();) {
    const std::size_t size =
        sizes.empty()
            ? stream.size()
            : std::size_t{1} + static_cast<unsigned char>(sizes[turn++ % sizes.size()]) % 9;
    const auto before = matcher.offset();
    for (const Match& match : matcher.feed(stream.substr(at, size))) {
      if (!ends[match.pattern].insert(match.end).second) {
        disagree("found twice", match.pattern, match.end, stream);
      }
      if (is_literal(match.pattern) && (match.end <= before || match.end > matcher.offset())) {
        disagree("not at once", match.pattern, match.end, stream);
      }
    }
    at += size;
  }
  return ends;
}

struct Views {
  explicit Views(std::string_view stream) : raw(raw_view(stream)) {
    const Text text = without_escapes(raw);
    clean = without_invalid_utf8(text);
    program = without_invalid_utf8(without_kernel_records(text));
  }
  [[nodiscard]] std::vector<Line> lines() const {
    std::vector<Line> all = lines_of(raw, true);
    for (const Text* view : {&clean, &program}) {
      for (auto& line : lines_of(*view, false)) all.push_back(std::move(line));
    }
    return all;
  }
  Text raw;
  Text clean;
  Text program;
};

std::set<std::uint64_t> ends_of(const std::string& word, const Views& views) {
  std::set<std::uint64_t> ends;
  for (const Text* view : {&views.raw, &views.clean, &views.program}) {
    for (auto at = view->bytes.find(word); at != std::string::npos;
         at = view->bytes.find(word, at + 1)) {
      ends.insert(view->offsets[at + word.size() - 1] + 1);
    }
  }
  return ends;
}

/// A kernel's stamp is text until it is complete: what then vanishes may have been reported.
bool was_there(std::size_t pattern, std::uint64_t end, std::string_view stream) {
  const Views views(stream.substr(0, end));
  const std::string& text = patterns()[pattern].text();
  if (is_literal(pattern)) return ends_of(text, views).count(end) > 0;
  const RE2& re = expression(pattern);
  const auto lines = views.lines();
  return std::any_of(lines.begin(), lines.end(), [&](const Line& line) {
    return !line.whole && RE2::PartialMatch(line.text.bytes, re);
  });
}

void check_literal(std::size_t pattern, const Views& views, const Ends& found,
                   std::string_view stream) {
  const auto expected = ends_of(patterns()[pattern].text(), views);
  for (const auto end : expected) {
    if (found[pattern].count(end) == 0) disagree("missed", pattern, end, stream);
  }
  for (const auto end : found[pattern]) {
    if (expected.count(end) == 0 && !was_there(pattern, end, stream)) {
      disagree("invented", pattern, end, stream);
    }
  }
}

/// Each whole line that matches has a report within it, and each report lies in such a line.
void check_regex(std::size_t pattern, const std::vector<Line>& lines, const Ends& found,
                 std::string_view stream) {
  const RE2& re = expression(pattern);
  std::set<std::uint64_t> justified;
  for (const Line& line : lines) {
    if (line.text.bytes.empty() && !line.whole) continue;
    if (!RE2::PartialMatch(line.text.bytes, re)) continue;
    const auto first = line.text.offsets.empty() ? line.end - 1 : line.text.offsets.front();
    const auto begin = found[pattern].lower_bound(first);
    const auto end = found[pattern].upper_bound(line.end);
    if (line.whole && begin == end) disagree("missed", pattern, line.end, stream);
    justified.insert(begin, end);
  }
  for (const auto end : found[pattern]) {
    if (justified.count(end) == 0 && !was_there(pattern, end, stream)) {
      disagree("invented", pattern, end, stream);
    }
  }
}

}  // namespace

void check_matcher(std::string_view data) {
  const std::size_t cuts = std::min<std::size_t>(data.size(), 4);
  const std::string stream = stream_from(data.substr(cuts));
  const Views views(stream);
  const auto lines = views.lines();
  for (const auto sizes : {data.substr(0, cuts), std::string_view(), std::string_view("\0", 1)}) {
    const Ends found = found_by_matcher(stream, sizes);
    for (std::size_t pattern = 0; pattern < patterns().size(); ++pattern) {
      if (is_literal(pattern)) {
        check_literal(pattern, views, found, stream);
      } else {
        check_regex(pattern, lines, found, stream);
      }
    }
  }
}

}  // namespace vmfleet::fuzz
