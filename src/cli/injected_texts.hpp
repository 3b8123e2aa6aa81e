// SPDX-License-Identifier: MIT
// Texts that are injected into guests: secrets may be among them.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <string_view>

#include <vmfleet/base/json.hpp>

namespace vmfleet::cli {

/// The description of a machine with their lengths in place of the texts in `inject`.
json::Value without_injected_texts(const json::Value& machine);

/// The same for every machine of a description of a fleet.
json::Object fleet_without_injected_texts(const json::Value& fleet);

/// Blanks such texts, and credentials, wherever they turn up: a guest may print them.
class InjectedTexts {
 public:
  /// Those in `inject` of a description, whose paths begin in `folder`. The machine's own `name` is
  /// no secret.
  void learn(const json::Value& machine, std::string_view name,
             const std::filesystem::path& folder);
  /// Without any line of them, unless it is a short one, which is said otherwise too.
  [[nodiscard]] std::string blanked(std::string text) const;

 private:
  std::set<std::string> lines_;
};

}  // namespace vmfleet::cli
