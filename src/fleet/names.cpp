// SPDX-License-Identifier: MIT
// Names: natural order and selection.
#include "fleet/names.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <vmfleet/base/error.hpp>
#include <vmfleet/base/text.hpp>

namespace vmfleet {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view take_number(std::string_view& text) {
  const auto zeros = std::min(text.find_first_not_of('0'), text.size());
  text.remove_prefix(zeros);
  const auto end = std::find_if_not(text.begin(), text.end(), is_digit) - text.begin();
  const auto digits = text.substr(0, static_cast<std::size_t>(end));
  text.remove_prefix(digits.size());
  return digits;
}

}  // namespace

bool natural_less(std::string_view a, std::string_view b) noexcept {
  const std::string_view whole_a = a;
  const std::string_view whole_b = b;
  while (!a.empty() && !b.empty()) {
    if (is_digit(a[0]) && is_digit(b[0])) {
      const auto number_a = take_number(a);
      const auto number_b = take_number(b);
      if (number_a.size() != number_b.size()) return number_a.size() < number_b.size();
      if (number_a != number_b) return number_a < number_b;
      continue;
    }
    if (a[0] != b[0]) return a[0] < b[0];
    a.remove_prefix(1);
    b.remove_prefix(1);
  }
  if (a.empty() != b.empty()) return a.empty();
  return whole_a < whole_b;  // "a01" and "a1" differ
}

std::vector<std::string> select_names(const std::vector<std::string>& names,
                                      const std::vector<std::string>& patterns) {
  if (patterns.empty()) return names;
  std::vector<bool> chosen(names.size());
  for (const auto& braced : patterns) {
    for (const auto& pattern : expand_braces(braced)) {
      bool found = false;
      for (std::size_t i = 0; i < names.size(); ++i) {
        if (!glob_match(pattern, names[i])) continue;
        chosen[i] = found = true;
      }
      if (found) continue;
      const auto near = nearest(pattern, names);
      throw Error(ErrorKind::not_found, fmt::format("no machine '{}'", sanitize(pattern)))
          .hint(names.empty()  ? "the fleet has no machines"
                : near.empty() ? "the machines are: " + join(names, ", ")
                               : fmt::format("did you mean '{}'?", near));
    }
  }
  std::vector<std::string> selected;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (chosen[i]) selected.push_back(names[i]);
  }
  return selected;
}

}  // namespace vmfleet
