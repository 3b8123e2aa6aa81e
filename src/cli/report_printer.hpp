// SPDX-License-Identifier: MIT
// How a report of several machines is told.
#pragma once

#include <string>
#include <string_view>

#include <vmfleet/fleet/fleet_report.hpp>

#include "cli/context.hpp"

namespace vmfleet::cli {

/// `ssh 127.0.0.1:40123->22`.
std::string format_port(const PortForward& port);
/// The table of `ps`.
std::string format_machines(const FleetReport& report);

/// Tells the errors on stderr, and the document on stdout with --json.
void tell_report(const Context& context, const FleetReport& report, std::string_view schema);

}  // namespace vmfleet::cli
