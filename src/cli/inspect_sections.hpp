// SPDX-License-Identifier: MIT
// What there is to know of a machine, by topic.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <vmfleet/base/json.hpp>

namespace vmfleet::cli {

/// Which topics to tell.
struct InspectSections {
  InspectSections() = default;

  bool state = false;
  bool command_line = false;
  bool configuration = false;
  bool device = false;
  bool network = false;
  bool raw = false;  ///< the records as they are on disk

  [[nodiscard]] bool none() const noexcept {
    return !state && !command_line && !configuration && !device && !network && !raw;
  }
  static InspectSections usual() {
    InspectSections sections;
    sections.state = sections.command_line = sections.configuration = true;
    sections.device = sections.network = true;
    return sections;
  }
};

/// *Errors*: `not_found`, `corrupt`.
json::Object inspect_sections(const std::filesystem::path& directory, InspectSections sections);

/// What QEMU was told of devices: each with what it is connected to. Options that are not in JSON
/// are left out.
json::Array devices_in(const std::vector<std::string>& argv);
/// The interfaces among them: `id`, `type`, `mac`, and what the type adds.
json::Array interfaces_in(const std::vector<std::string>& argv);

}  // namespace vmfleet::cli
