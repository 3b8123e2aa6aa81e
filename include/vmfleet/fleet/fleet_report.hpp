// SPDX-License-Identifier: MIT
// FleetReport: what became of several machines; a fleet does not throw because one of them failed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <vmfleet/base/json.hpp>
#include <vmfleet/machine/machine_report.hpp>

namespace vmfleet {

struct FleetReport {
  FleetReport() = default;
  explicit FleetReport(std::string its_fleet) : fleet(std::move(its_fleet)) {}

  std::string fleet;
  std::vector<MachineReport> machines;  ///< in the specification's order
  Milliseconds elapsed{0};

  [[nodiscard]] std::size_t ready() const noexcept;
  [[nodiscard]] std::size_t failed() const noexcept;
  /// `schema` is "vmfleet.<command>/1".
  [[nodiscard]] json::Value to_json(std::string_view schema) const;
};

}  // namespace vmfleet
