// SPDX-License-Identifier: MIT
// The words by which users name an enumerator, and the error for any other word.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <vmfleet/base/result.hpp>
#include <vmfleet/base/text.hpp>

namespace vmfleet::qemu {

/// The first word of an enumerator is the one it prints as; later ones are synonyms.
template <class Enum>
using Word = std::pair<std::string_view, Enum>;

template <class Enum, std::size_t N>
std::string_view word_of(const Word<Enum> (&words)[N], Enum value) noexcept {
  for (const auto& [word, meaning] : words) {
    if (meaning == value) return word;
  }
  return "?";
}

template <class Enum, std::size_t N>
Result<Enum> parse_word(const Word<Enum> (&words)[N], std::string_view noun,
                        std::string_view text) {
  std::vector<std::string> known;
  for (const auto& [word, meaning] : words) {
    if (word == text) return meaning;
    known.emplace_back(word);
  }
  const std::string_view near = nearest(text, known);
  std::string hint = near.empty() ? fmt::format("one of: {}", join(known, ", "))
                                  : fmt::format("did you mean \"{}\"?", near);
  return Error(ErrorKind::invalid_config, fmt::format("unknown {} \"{}\"", noun, text))
      .hint(std::move(hint));
}

}  // namespace vmfleet::qemu
