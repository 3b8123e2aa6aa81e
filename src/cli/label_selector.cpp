// SPDX-License-Identifier: MIT
// Reading and applying label selectors.
#include "cli/label_selector.hpp"

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>

namespace vmfleet::cli {

Result<LabelSelector> LabelSelector::parse(std::string_view text) {
  LabelSelector selector;
  for (const std::string_view part : split(text, ',')) {
    auto requirement = parse_requirement(trim(part));
    if (!requirement.ok()) return requirement.error();
    selector.requirements_.push_back(std::move(requirement).value());
  }
  return selector;
}

Result<LabelSelector::Requirement> LabelSelector::parse_requirement(std::string_view text) {
  Requirement requirement;
  const std::size_t equals = text.find('=');
  std::string_view key = text.substr(0, equals);
  if (equals == std::string_view::npos) {
    requirement.holds = key.empty() || key.front() != '!';
    if (!requirement.holds) key.remove_prefix(1);
  } else {
    std::string_view value = text.substr(equals + 1);
    if (!value.empty() && value.front() == '=') value.remove_prefix(1);
    requirement.holds = key.empty() || key.back() != '!';
    if (!requirement.holds) key.remove_suffix(1);
    requirement.value = std::string(trim(value));
  }
  requirement.key = std::string(trim(key));
  if (!requirement.key.empty()) return requirement;
  return Error(ErrorKind::invalid_config, fmt::format("'{}' selects by no label", sanitize(text)))
      .hint("role=web, role!=web, role or !role; several with commas between them");
}

bool LabelSelector::matches(const std::map<std::string, std::string>& labels) const {
  for (const auto& [key, value, holds] : requirements_) {
    const auto label = labels.find(key);
    const bool found = label != labels.end() && (!value || label->second == *value);
    if (found != holds) return false;
  }
  return true;
}

}  // namespace vmfleet::cli
