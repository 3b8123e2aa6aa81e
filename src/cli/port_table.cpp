// SPDX-License-Identifier: MIT
// Forwards by name or number, and in rows.
#include "cli/port_table.hpp"

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>

#include "cli/table.hpp"

namespace vmfleet::cli {

std::string address_of(const PortForward& port) {
  const bool ipv6 = port.host_addr.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", ipv6 ? "[" : "", port.host_addr, ipv6 ? "]" : "", port.host_port);
}

const PortForward& find_port(const MachineReport& machine, const std::string& wanted) {
  std::vector<std::string> names;
  for (const auto& port : machine.ports) {
    const std::string guest = std::to_string(port.guest_port);
    if (wanted == port.name || wanted == guest || wanted == guest + "/" + port.protocol)
      return port;
    names.push_back(port.name);
  }
  throw Error(ErrorKind::invalid_config,
              fmt::format("{} has no forward '{}'", machine.name, sanitize(wanted)))
      .hint(names.empty() ? "it has none; see: vmfleet up --forward"
                          : fmt::format("it has: {}", join(names, ", ")));
}

std::string format_ports(const MachineReport& machine) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& port : machine.ports) {
    auto& row = rows.emplace_back();
    row.push_back(port.name);
    row.push_back(fmt::format("{}/{}", port.guest_port, port.protocol));
    row.push_back(address_of(port));
  }
  return format_table({"FORWARD", "GUEST", "HOST"}, rows);
}

void require_running(const MachineReport& machine) {
  if (machine.pid) return;
  throw Error(ErrorKind::exited, fmt::format("{} does not run", machine.name))
      .hint("start it with: vmfleet start " + machine.name);
}

json::Object describe_ports(std::string_view schema, const MachineReport& machine) {
  json::Array ports;
  for (const auto& forward : machine.ports) ports.push_back(port_to_json(forward));
  json::Object document;
  document.set("schema", schema);
  document.set("name", machine.name);
  document.set("ports", std::move(ports));
  return document;
}

}  // namespace vmfleet::cli
