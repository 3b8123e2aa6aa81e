// SPDX-License-Identifier: MIT
// FleetReport as JSON.
#include <vmfleet/fleet/fleet_report.hpp>

#include <algorithm>

namespace vmfleet {

std::size_t FleetReport::ready() const noexcept {
  return static_cast<std::size_t>(
      std::count_if(machines.begin(), machines.end(), [](const auto& m) { return m.good(); }));
}

std::size_t FleetReport::failed() const noexcept {
  return static_cast<std::size_t>(
      std::count_if(machines.begin(), machines.end(), [](const auto& m) {
        return m.error.has_value() || m.state == MachineState::crashed ||
               m.state == MachineState::failed;
      }));
}

json::Value FleetReport::to_json(std::string_view schema) const {
  json::Array list;
  for (const auto& machine : machines) list.push_back(machine.to_json());
  return json::Object{{"schema", schema},
                      {"fleet", fleet},
                      {"machines", std::move(list)},
                      {"ready", std::uint64_t{ready()}},
                      {"failed", std::uint64_t{failed()}},
                      {"elapsed_ms", std::int64_t{elapsed.count()}}};
}

}  // namespace vmfleet
