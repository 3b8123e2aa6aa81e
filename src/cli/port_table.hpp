// SPDX-License-Identifier: MIT
// The forwards of a machine, for people and for scripts.
#pragma once

#include <string>
#include <string_view>

#include <vmfleet/base/json.hpp>
#include <vmfleet/machine/machine_report.hpp>

namespace vmfleet::cli {

/// `127.0.0.1:40123`.
std::string address_of(const PortForward& port);
/// By name, or by the guest's port. *Errors*: `invalid_config`, naming those that exist.
const PortForward& find_port(const MachineReport& machine, const std::string& wanted);
std::string format_ports(const MachineReport& machine);
/// `{"schema", "name", "ports": […]}`.
json::Object describe_ports(std::string_view schema, const MachineReport& machine);
/// *Errors*: `exited`.
void require_running(const MachineReport& machine);

}  // namespace vmfleet::cli
