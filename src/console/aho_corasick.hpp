// SPDX-License-Identifier: MIT
// AhoCorasick: all words of a set in one pass, one table look-up for each byte.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vmfleet::console {

/// The automaton's state is a number that the caller keeps, so that a stream can be left and
/// resumed, and an earlier place in it taken up again.
class AhoCorasick {
 public:
  using State = std::uint32_t;
  static constexpr State kStart = 0;
  enum class Case { exact, folded };  ///< folded: the words are lower case, ASCII is folded to it

  explicit AhoCorasick(const std::vector<std::string>& words, Case letters);

  [[nodiscard]] State next(State state, char byte) const noexcept {
    return table_[state * classes_ + class_of_[static_cast<unsigned char>(byte)]];
  }
  [[nodiscard]] std::size_t words() const noexcept { return words_; }
  /// Whether any word ends in this state.
  [[nodiscard]] bool ends_word(State state) const noexcept { return ends_word_[state] != 0; }
  /// The words that end in this state, the longest first.
  [[nodiscard]] const std::vector<std::uint32_t>& words_at(State state) const noexcept {
    return words_at_[state];
  }

 private:
  void classify(const std::vector<std::string>& words, Case letters);
  State add_state();
  void add_word(std::string_view word, std::uint32_t index);
  void link_failures();

  std::array<std::uint16_t, 256> class_of_{};  // 0: a byte that is in no word
  std::uint32_t classes_ = 1;
  std::size_t words_ = 0;
  std::vector<State> table_;
  std::vector<std::uint8_t> ends_word_;  // beside the table: looked at for each byte
  std::vector<std::vector<std::uint32_t>> words_at_;
};

}  // namespace vmfleet::console
