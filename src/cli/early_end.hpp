// SPDX-License-Identifier: MIT
// What ends detached machines before anybody asks for it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <vmfleet/fleet/fleet_report.hpp>

#include "cli/context.hpp"

namespace vmfleet::cli {

/// The systemd service that this process is in, and whose end ends what was started in it, unless
/// its KillMode is another than the default. `cgroups` is the text of /proc/self/cgroup, and
/// `invocation` the value of INVOCATION_ID: services have one, logins and cron's jobs have not.
/// *Source*: systemd.kill(5), systemd.exec(5).
std::optional<std::string> service_that_would_end_us(std::string_view cgroups,
                                                     std::string_view invocation);

/// Warns of machines that run and will not outlive the service or the container of this process.
void warn_of_early_end(const Context& context, const FleetReport& report);

}  // namespace vmfleet::cli
