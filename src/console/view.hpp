// SPDX-License-Identifier: MIT
// View: one reading of the console stream, searched as it grows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "console/compiled_patterns.hpp"
#include "console/findings.hpp"
#include "console/open_line.hpp"
#include "console/scan_credit.hpp"

namespace vmfleet::console {

/// Literals are found by an automaton, byte by byte, across lines. Expressions are tried on the
/// line, when it has the atoms that they need: as it grows, and when it ends.
class View {
 public:
  /// `twin`: where both lines are the same, that view's search is enough.
  View(const CompiledPatterns& patterns, Findings& findings, const View* twin = nullptr);

  /// A byte of the text; a newline ends the line, which stays readable until the next byte.
  void put(char byte, std::uint64_t offset);
  /// A byte that literals may contain, but lines do not.
  void put_unseen(char byte, std::uint64_t offset);
  /// Ends the line without a newline (after a carriage return on its own).
  void break_line(std::uint64_t offset);
  /// After a feed: tries the open line, if it may match and credit allows it.
  void scan_open_line(ScanCredit& credit);
  /// Takes the open line for a whole one.
  void scan_at_rest();

  struct Place {
    AhoCorasick::State literal;
    AhoCorasick::State atom;
    std::size_t length;
  };
  /// Where the stream is now, to come back to when what follows turns out not to belong to it.
  Place place();
  /// Only while the line of `place` is still open.
  void return_to(const Place& place);

 private:
  enum class LineEnd { open, reached };

  void report_literals(std::uint64_t end);
  void note_atoms();
  void try_regexes(LineEnd line_end);
  bool try_regex(std::size_t regex, LineEnd line_end);
  void end_line(std::uint64_t offset, bool seen_by_twin);
  void start_line_after_end();
  [[nodiscard]] bool same_as_twin() const { return twin_ != nullptr && line_ == twin_->line_; }

  const CompiledPatterns& patterns_;
  Findings& findings_;
  const View* twin_;
  AhoCorasick::State literal_ = AhoCorasick::kStart;
  AhoCorasick::State atom_ = AhoCorasick::kStart;
  OpenLine line_;
  std::vector<int> atoms_;       // seen on this line, each once
  std::vector<bool> atom_seen_;  // by atom
  std::vector<int> candidates_;  // expressions that have their atoms and are not found yet
  std::vector<bool> found_;      // by expression: on this line already
  bool atoms_changed_ = false;   // since the candidates were chosen
  bool tried_open_ = true;       // all that is there now
  bool tried_as_whole_ = true;
  bool ended_ = false;
};

}  // namespace vmfleet::console
