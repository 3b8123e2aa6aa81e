// SPDX-License-Identifier: MIT
// Reports as tables and documents.
#include "cli/report_printer.hpp"

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>

#include "cli/port_table.hpp"
#include "cli/table.hpp"

namespace vmfleet::cli {

std::string format_port(const PortForward& port) {
  return fmt::format("{} {}->{}{}", port.name, address_of(port), port.guest_port,
                     port.protocol == "tcp" ? "" : "/" + port.protocol);
}

std::string format_machines(const FleetReport& report) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& machine : report.machines) {
    std::vector<std::string> ports;
    for (const auto& port : machine.ports) ports.push_back(format_port(port));
    auto& row = rows.emplace_back();
    row.push_back(machine.name);
    row.emplace_back(to_string(machine.state));
    row.push_back(machine.ready_after ? to_string(*machine.ready_after) : "");
    row.push_back(machine.pid ? fmt::format("{}", *machine.pid) : "");
    row.push_back(join(ports, ", "));
  }
  return format_table({"NAME", "STATE", "READY IN", "PID", "PORTS"}, rows);
}

void tell_report(const Context& context, const FleetReport& report, std::string_view schema) {
  for (const auto& machine : report.machines) context.complain(machine);
  if (context.globals.json) context.answer(context.addressed(report).to_json(schema));
}

}  // namespace vmfleet::cli
