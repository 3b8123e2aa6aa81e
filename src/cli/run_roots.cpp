// SPDX-License-Identifier: MIT
// Ending what lives in the root of a run.
#include "cli/run_roots.hpp"

#include <string>
#include <utility>
#include <vector>

#include <vmfleet/fleet/fleet.hpp>
#include <vmfleet/instance/locks.hpp>

namespace vmfleet::cli {

namespace {

/// The fleets in the root; the program may have made other folders there.
std::vector<Fleet> fleets_in(const std::filesystem::path& root) {
  std::vector<Fleet> fleets;
  for (const auto& name : list_fleets(root)) {
    try {
      fleets.emplace_back(root, name);
    } catch (const Error&) {
      continue;  // not the name of one
    }
  }
  return fleets;
}

/// Nothing runs in it, and no command is about to start it. What cannot be known may live.
bool is_dead(const std::filesystem::path& machine) {
  try {
    const auto directory = InstanceDirectory::open(machine);
    return !is_alive(directory) && !OperationLock::held(directory);
  } catch (const Error& error) {
    return error.kind() == ErrorKind::not_found;
  }
}

bool all_are_dead(const std::filesystem::path& root) {
  for (const auto& fleet : fleets_in(root)) {
    for (const auto& machine : fleet.select({})) {
      if (!is_dead(root / fleet.name() / machine)) return false;
    }
  }
  return true;
}

}  // namespace

Task<void> end_others(const Context& context, OwnRoot& root) {
  std::vector<Fleet> fleets = fleets_in(root.path());
  for (auto& fleet : fleets) {
    std::vector<std::string> all;
    const FleetReport report = co_await fleet.stop(std::move(all), StopOptions::kill());
    for (const auto& machine : report.machines) {
      if (!is_dead(root.path() / fleet.name() / machine.name)) context.complain(machine);
    }
  }
  if (all_are_dead(root.path())) root.remove();
}

}  // namespace vmfleet::cli
