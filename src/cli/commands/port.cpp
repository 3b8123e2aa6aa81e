// SPDX-License-Identifier: MIT
// vmfleet port: where the forwards of a machine are on this host.
#include <algorithm>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>

#include "cli/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/program.hpp"
#include "cli/table.hpp"

namespace vmfleet::cli {

namespace {

struct PortArguments {
  PortArguments() = default;
  std::string name;
  std::string forward;
};

std::string address_of(const PortForward& port) {
  const bool ipv6 = port.host_addr.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", ipv6 ? "[" : "", port.host_addr, ipv6 ? "]" : "", port.host_port);
}

/// By name, or by the guest's port.
const PortForward& find_port(const MachineReport& machine, const std::string& wanted) {
  std::vector<std::string> names;
  for (const auto& port : machine.ports) {
    const std::string guest = std::to_string(port.guest_port);
    if (wanted == port.name || wanted == guest || wanted == guest + "/" + port.protocol)
      return port;
    names.push_back(port.name);
  }
  throw Error(ErrorKind::not_found,
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

Task<int> port(Context& context, const PortArguments& arguments) {
  MachineReport machine = inspect_machine(context.directory_of(arguments.name));
  if (!machine.pid) {
    throw Error(ErrorKind::exited, fmt::format("{} does not run", machine.name))
        .hint("start it with: vmfleet start " + machine.name);
  }
  if (!arguments.forward.empty()) {
    const PortForward wanted = find_port(machine, arguments.forward);
    machine.ports.assign(1, wanted);
  }
  if (context.globals.json) {
    json::Array ports;
    for (const auto& forward : machine.ports) ports.push_back(port_to_json(forward));
    json::Object document;
    document.set("schema", "vmfleet.port/1");
    document.set("name", machine.name);
    document.set("ports", std::move(ports));
    context.answer(std::move(document));
  } else if (!arguments.forward.empty()) {
    context.out.write(address_of(machine.ports.front()) + "\n");
  } else {
    context.out.write(format_ports(machine));
  }
  co_return kDone;
}

}  // namespace

void add_port(Program& program) {
  auto arguments = std::make_shared<PortArguments>();
  CLI::App& app = program.command(group::kLook, "port", "where the forwards of a machine are");
  add_positional(app, "NAME", arguments->name, Presence::required, "the machine");
  add_positional(app, "FORWARD", arguments->forward, Presence::optional,
                 "one forward, by its name or the guest's port: print only its address");
  program.runs(app, [arguments](Context& context) { return port(context, *arguments); });
}

}  // namespace vmfleet::cli
