// SPDX-License-Identifier: MIT
// LabelSelector: which machines a user means by their labels.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <vmfleet/base/result.hpp>

namespace vmfleet::cli {

/// `role=web`, `role!=web` (also without a role), `role` (it has one), `!role`; several, joined by
/// commas, must all hold. *Source*: the equality-based selectors of kubectl.
class LabelSelector {
 public:
  /// Selects every machine.
  LabelSelector() = default;
  /// *Errors*: `invalid_config`.
  static Result<LabelSelector> parse(std::string_view text);

  [[nodiscard]] bool matches(const std::map<std::string, std::string>& labels) const;

 private:
  struct Requirement {
    std::string key;
    std::optional<std::string> value;  ///< any, without
    bool holds = true;
  };
  static Result<Requirement> parse_requirement(std::string_view text);

  std::vector<Requirement> requirements_;
};

}  // namespace vmfleet::cli
