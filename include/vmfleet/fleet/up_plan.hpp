// SPDX-License-Identifier: MIT
// UpPlan: what `Fleet::up` would do, and what that needs of this host.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <vmfleet/base/json.hpp>
#include <vmfleet/base/units.hpp>
#include <vmfleet/qemu/command_line.hpp>

namespace vmfleet {

struct UpPlan {
  UpPlan() = default;

  std::vector<CommandLine> commands;  ///< of all machines, in the order of the starts
  std::vector<std::string> to_start;  ///< names
  std::vector<std::string> to_clone;  ///< of these, those that start from a template
  /// Of these, those that were to be cloned and cannot be, with the reason.
  std::vector<std::pair<std::string, std::string>> not_cloned;
  std::vector<std::string> running;  ///< already, also those that differ from what is asked for
  std::size_t boots_at_once = 1;     ///< machines that are started and not ready yet
  std::string why;                   ///< so many
  std::size_t clones_at_once = 1;    ///< the same of clones
  Bytes memory;                      ///< that the machines to start may use in all
  std::optional<Bytes> memory_available;  ///< nullopt when the host does not say
  std::size_t descriptors = 0;            ///< that the calling process may need
  std::size_t descriptors_allowed = 0;

  /// Without the command lines.
  [[nodiscard]] json::Object to_json() const;
};

}  // namespace vmfleet
