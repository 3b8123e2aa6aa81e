// SPDX-License-Identifier: MIT
// The service or the container that this process is in.
#include "cli/early_end.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include <vmfleet/base/error.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/io/files.hpp>

namespace vmfleet::cli {

namespace {

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

/// The innermost unit of a path in systemd's hierarchy: with it end all that is below. Slices have
/// no processes of their own.
std::string_view unit_of(std::string_view path) {
  std::string_view unit;
  for (const std::string_view part : split(path, '/')) {
    if (ends_with(part, ".service") || ends_with(part, ".scope")) unit = part;
  }
  return unit;
}

/// Empty when there is none.
std::string own_cgroups() {
  try {
    return files::read("/proc/self/cgroup");
  } catch (const Error&) {
    return {};
  }
}

}  // namespace

std::optional<std::string> service_that_would_end_us(std::string_view cgroups,
                                                     std::string_view invocation) {
  if (invocation.empty()) return std::nullopt;
  for (const std::string_view line : split(cgroups, '\n')) {
    // "0::/path" of version 2, "1:name=systemd:/path" of version 1.
    const auto parts = split(line, ':');
    if (parts.size() < 3 || !(parts[1].empty() || parts[1] == "name=systemd")) continue;
    const std::string_view unit = unit_of(line.substr(parts[0].size() + parts[1].size() + 2));
    const bool is_user_manager = unit.substr(0, 5) == "user@";
    if (ends_with(unit, ".service") && !is_user_manager) return std::string(unit);
  }
  return std::nullopt;
}

void warn_of_early_end(const Context& context, const FleetReport& report) {
  const bool any_runs = std::any_of(report.machines.begin(), report.machines.end(),
                                    [](const auto& machine) { return machine.pid.has_value(); });
  if (!any_runs) return;
  if (::getpid() == 1) {
    context.say(
        "vmfleet: warning: this is the first process of its container, and the machines end with "
        "it: `vmfleet run` and `vmfleet up --attach` stay with them");
    return;
  }
  const char* invocation = std::getenv("INVOCATION_ID");
  const auto service = service_that_would_end_us(own_cgroups(), invocation ? invocation : "");
  if (!service) return;
  context.say(fmt::format(
      "vmfleet: warning: the machines end with {}, unless that has KillMode=process: begin them "
      "with `systemd-run --scope` to have them outlive it",
      sanitize(*service)));
}

}  // namespace vmfleet::cli
