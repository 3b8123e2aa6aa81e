// SPDX-License-Identifier: MIT
// Shorthands for tests that read fleet files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <vmfleet/base/error.hpp>
#include <vmfleet/fleet/fleet_spec.hpp>

namespace vmfleet::test {

inline FleetSpec parse_toml(std::string_view text, const SpecOptions& options = SpecOptions()) {
  return FleetSpec::parse(text, "/fleets/demo/vmfleet.toml", SpecFormat::toml, options);
}

/// One machine class `web` with these keys, and an image to boot.
inline MachineSpec parse_machine(const std::string& keys) {
  return parse_toml("[machine.web]\nimage = \"tiny\"\n" + keys).machines.at(0);
}

/// What is said about a fleet file that is wrong, one line for each problem; the file's name is
/// left out.
template <class Parse>
std::vector<std::string> problems_of(Parse parse) {
  try {
    parse();
  } catch (const Error& error) {
    std::vector<std::string> lines = error.evidence();
    if (lines.empty()) {
      lines.emplace_back(error.message());
      if (!error.hint().empty()) lines[0] += " (" + error.hint() + ")";
    }
    const std::string file = "/fleets/demo/vmfleet.toml:";
    for (std::string& line : lines) {
      if (line.rfind(file, 0) == 0) line.erase(0, file.size());
    }
    return lines;
  }
  return {};
}

inline std::vector<std::string> problems_in(const std::string& text) {
  return problems_of([&] { parse_toml(text); });
}

/// The same for the keys of a machine; they begin on line 3.
inline std::vector<std::string> problems_in_machine(const std::string& keys) {
  return problems_of([&] { parse_machine(keys); });
}

using Lines = std::vector<std::string>;

}  // namespace vmfleet::test
