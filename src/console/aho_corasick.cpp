// SPDX-License-Identifier: MIT
// AhoCorasick: built as a trie, then completed breadth first so that no byte is looked at twice.
#include "console/aho_corasick.hpp"

namespace vmfleet::console {

AhoCorasick::AhoCorasick(const std::vector<std::string>& words, Case letters)
    : words_(words.size()) {
  classify(words, letters);
  add_state();
  for (std::uint32_t i = 0; i < words.size(); ++i) add_word(words[i], i);
  link_failures();
  for (const auto& ending : words_at_) ends_word_.push_back(ending.empty() ? 0 : 1);
}

// Few bytes occur in the words: columns for those alone keep the table in the processor's cache.
void AhoCorasick::classify(const std::vector<std::string>& words, Case letters) {
  for (const auto& word : words) {
    for (const char c : word) {
      auto& column = class_of_[static_cast<unsigned char>(c)];
      if (column == 0) column = static_cast<std::uint16_t>(classes_++);
    }
  }
  if (letters == Case::exact) return;
  for (int upper = 'A'; upper <= 'Z'; ++upper) {
    class_of_[static_cast<std::size_t>(upper)] =
        class_of_[static_cast<std::size_t>(upper - 'A' + 'a')];
  }
}

AhoCorasick::State AhoCorasick::add_state() {
  table_.resize(table_.size() + classes_, kStart);
  words_at_.emplace_back();
  return static_cast<State>(words_at_.size() - 1);
}

void AhoCorasick::add_word(std::string_view word, std::uint32_t index) {
  State state = kStart;
  for (const char c : word) {
    State following = next(state, c);
    if (following == kStart) {
      following = add_state();
      table_[state * classes_ + class_of_[static_cast<unsigned char>(c)]] = following;
    }
    state = following;
  }
  words_at_[state].push_back(index);
}

void AhoCorasick::link_failures() {
  std::vector<State> failure(words_at_.size(), kStart);
  std::vector<State> queue{kStart};
  for (std::size_t at = 0; at < queue.size(); ++at) {
    const State state = queue[at];
    for (std::uint32_t column = 0; column < classes_; ++column) {
      State& child = table_[state * classes_ + column];
      const State fallback = state == kStart ? kStart : table_[failure[state] * classes_ + column];
      if (child == kStart) {
        child = fallback;
        continue;
      }
      failure[child] = fallback;
      auto& words = words_at_[child];
      words.insert(words.end(), words_at_[fallback].begin(), words_at_[fallback].end());
      queue.push_back(child);
    }
  }
}

}  // namespace vmfleet::console
