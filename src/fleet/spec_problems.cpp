// SPDX-License-Identifier: MIT
// Problems: their order and their text.
#include "fleet/spec_problems.hpp"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>

namespace vmfleet::spec {

void Problems::add(const Place& place, const std::string& where, const std::string& what,
                   const std::string& hint) {
  const std::string at = !place.option.empty() ? place.option
                         : place.line > 0
                             ? fmt::format("{}:{}:{}", origin_, place.line, place.column)
                             : origin_;
  if (!seen_.emplace(at, where).second) return;
  const std::string key = place.option.empty() && !where.empty() ? where + ": " : std::string();
  problems_.push_back(
      {place.line, place.column, fmt::format("{}: {}{}", at, key, sanitize(what)), hint});
}

Error Problems::to_error() const {
  std::vector<Problem> sorted = problems_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Problem& a, const Problem& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  });
  if (sorted.size() == 1) {
    return Error(ErrorKind::invalid_config, sorted[0].text).hint(sorted[0].hint);
  }
  Error error(ErrorKind::invalid_config,
              fmt::format("{}: {} problems", origin_.empty() ? "options" : origin_, sorted.size()));
  for (const Problem& problem : sorted) {
    std::string line = problem.text;
    if (!problem.hint.empty()) line += fmt::format(" ({})", problem.hint);
    error = std::move(error).evidence(std::move(line));
  }
  return error;
}

void Problems::throw_if_any() const {
  if (!problems_.empty()) throw to_error();
}

}  // namespace vmfleet::spec
