// SPDX-License-Identifier: MIT
// Matcher: finds many patterns in a console stream that arrives in arbitrary pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <vmfleet/console/pattern.hpp>

namespace vmfleet::console {

struct Match {
  std::size_t pattern = 0;   ///< index in the pattern set
  std::uint64_t offset = 0;  ///< in the stream: the first byte of the line that holds the match
  std::uint64_t end = 0;     ///< in the stream: just after the last byte of the match
  std::string line;          ///< that line as far as it has arrived; of a long one 256 bytes
};

/// A console stream is read in three views at once, and a match in any of them counts: the bytes
/// as they are; without escape sequences, control characters and invalid UTF-8; and that without
/// time-stamped kernel records, which the kernel prints into the middle of other programs' lines.
///
/// A literal is reported at each occurrence, with its last byte. A regular expression is reported
/// once for each line: as soon as the open line matches whatever may follow, or when the line
/// ends. What needs the end of a line (`$`) matches an open line only `at_rest`. How the stream was
/// cut into pieces makes no difference to what is found.
///
/// Costs a few table look-ups for each byte. A regular expression is tried only on lines that hold
/// the literal parts that it needs; while a line over 512 bytes is open, tries are rationed in
/// proportion to the input, and what was put off is made up by `at_rest` or the line's end.
/// Memory is bounded: 64 KiB of the open line in each view. Of a longer line the last 4 KiB are
/// kept.
class Matcher {
 public:
  /// `offset`: the place in the stream of the first byte that will be fed.
  explicit Matcher(PatternSet patterns, std::uint64_t offset = 0);
  Matcher(Matcher&&) noexcept;
  Matcher& operator=(Matcher&&) noexcept;
  ~Matcher();

  /// The matches that these bytes complete, in the order of their ends within a view.
  std::vector<Match> feed(std::string_view bytes);
  /// Says that no more input is waiting: takes the open line's end for a line's end, so that a
  /// prompt matches `[#$] $`.
  std::vector<Match> at_rest();
  /// The next byte is at `offset` and has nothing to do with what was fed before.
  void restart(std::uint64_t offset);

  /// The place in the stream of the next byte.
  [[nodiscard]] std::uint64_t offset() const noexcept;
  [[nodiscard]] const PatternSet& patterns() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vmfleet::console
