// SPDX-License-Identifier: MIT
// View: literals by automaton at each byte, expressions by line when their literal parts are there.
#include "console/view.hpp"

#include <re2/re2.h>
#include <re2/stringpiece.h>

#include <algorithm>

namespace vmfleet::console {
namespace {

constexpr std::size_t kLongestLine = 64 << 10;
constexpr std::size_t kKeptOfLongLine = 4 << 10;
constexpr std::size_t kLongestShown = 256;

bool found_in(const RE2& re, const std::string& text, std::size_t start, std::size_t end) {
  return re.Match(text, start, end, RE2::UNANCHORED, nullptr, 0);
}

// On an open line only what no following byte can undo is a match: RE2 is shown one more byte
// behind the end, of a word and not of one, so that `$` fails there and `\b` has to hold for both.
bool certain_in(const RE2& re, const std::string& text, std::size_t start) {
  const std::size_t end = text.size();
  return found_in(re, text, start, end) && found_in(re, text + 'x', start, end) &&
         found_in(re, text + ' ', start, end);
}

// A hostile line may hold tens of thousands of matches: each carries only the line's end.
std::string shown(const std::string& line, std::size_t match_end) {
  if (line.size() <= kLongestShown) return line;
  const std::size_t end = std::min(line.size(), std::max(match_end, kLongestShown));
  return line.substr(end - kLongestShown, kLongestShown);
}

}  // namespace

View::View(const CompiledPatterns& patterns, Findings& findings, const View* twin)
    : patterns_(patterns), findings_(findings), twin_(twin), candidates_(patterns.always) {
  atom_seen_.resize(patterns.atoms.words());
  found_.resize(patterns.regex_pattern.size());
}

void View::put(char byte, std::uint64_t offset) {
  start_line_after_end();
  literal_ = patterns_.literals.next(literal_, byte);
  if (byte == '\n') {
    report_literals(offset + 1);
    end_line(offset, same_as_twin());
    return;
  }
  if (line_.size() == kLongestLine) {
    try_regexes(LineEnd::open);
    line_.keep_last(kKeptOfLongLine);
  }
  line_.append(byte, offset);
  tried_open_ = tried_as_whole_ = false;
  if (patterns_.literals.ends_word(literal_)) report_literals(offset + 1);
  atom_ = patterns_.atoms.next(atom_, byte);
  if (patterns_.atoms.ends_word(atom_)) note_atoms();
}

void View::put_unseen(char byte, std::uint64_t offset) {
  literal_ = patterns_.literals.next(literal_, byte);
  report_literals(offset + 1);
}

void View::break_line(std::uint64_t offset) {
  start_line_after_end();
  end_line(offset, false);
}

void View::scan_open_line(ScanCredit& credit) {
  if (ended_ || tried_open_ || (candidates_.empty() && !atoms_changed_)) return;
  if (!credit.spend(line_.size()) || same_as_twin()) return;
  tried_open_ = true;
  try_regexes(LineEnd::open);
}

void View::scan_at_rest() {
  if (ended_ || tried_as_whole_ || same_as_twin()) return;
  tried_as_whole_ = true;
  try_regexes(LineEnd::reached);
}

View::Place View::place() {
  start_line_after_end();
  return {literal_, atom_, line_.length()};
}

void View::return_to(const Place& place) {
  literal_ = place.literal;
  atom_ = place.atom;
  line_.return_to(place.length);
}

void View::report_literals(std::uint64_t end) {
  for (const auto word : patterns_.literals.words_at(literal_)) {
    const std::uint64_t offset = line_.length() == 0 ? end - 1 : line_.offset();
    findings_.add(patterns_.literal_pattern[word], offset, end, shown(line_.text(), line_.size()));
  }
}

void View::note_atoms() {
  for (const auto atom : patterns_.atoms.words_at(atom_)) {
    if (atom_seen_[atom]) continue;
    atom_seen_[atom] = true;
    atoms_.push_back(static_cast<int>(atom));
    atoms_changed_ = true;
  }
}

void View::try_regexes(LineEnd line_end) {
  if (atoms_changed_) {
    patterns_.regexes.AllPotentials(atoms_, &candidates_);
    std::sort(candidates_.begin(), candidates_.end());
    atoms_changed_ = false;
  }
  const auto settled = [&](int candidate) {
    const auto regex = static_cast<std::size_t>(candidate);
    if (!found_[regex]) found_[regex] = try_regex(regex, line_end);
    return found_[regex];
  };
  candidates_.erase(std::remove_if(candidates_.begin(), candidates_.end(), settled),
                    candidates_.end());
}

bool View::try_regex(std::size_t regex, LineEnd line_end) {
  const RE2& re = patterns_.regexes.GetRE2(static_cast<int>(regex));
  const std::string& text = line_.text();
  // After a cut the first kept byte is only context: the line does not begin there.
  const std::size_t start = line_.cut() ? 1 : 0;
  const bool found = line_end == LineEnd::open ? certain_in(re, text, start)
                                               : found_in(re, text, start, text.size());
  if (!found) return false;
  re2::StringPiece match;
  re.Match(text, start, text.size(), RE2::UNANCHORED, &match, 1);
  const std::size_t end = static_cast<std::size_t>(match.data() - text.data()) + match.size();
  findings_.add(patterns_.regex_pattern[regex], line_.offset(), line_.end_of(end),
                shown(text, end));
  return true;
}

void View::end_line(std::uint64_t offset, bool seen_by_twin) {
  line_.end_at(offset);
  if (!seen_by_twin) try_regexes(LineEnd::reached);
  ended_ = true;
}

void View::start_line_after_end() {
  if (!ended_) return;
  line_.clear();
  atom_ = AhoCorasick::kStart;
  for (const int atom : atoms_) atom_seen_[static_cast<std::size_t>(atom)] = false;
  atoms_.clear();
  atoms_changed_ = false;
  candidates_ = patterns_.always;
  std::fill(found_.begin(), found_.end(), false);
  tried_open_ = tried_as_whole_ = true;
  ended_ = false;
}

}  // namespace vmfleet::console
