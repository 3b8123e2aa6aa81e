// SPDX-License-Identifier: MIT
// vmfleet port: where the forwards of a machine are on this host.
#include "cli/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/port_table.hpp"
#include "cli/program.hpp"

namespace vmfleet::cli {

namespace {

struct PortArguments {
  PortArguments() = default;
  std::string name;
  std::string forward;
};

Task<int> port(Context& context, const PortArguments& arguments) {
  MachineReport machine = inspect_machine(context.directory_of(arguments.name));
  require_running(machine);
  if (!arguments.forward.empty()) {
    const PortForward wanted = find_port(machine, arguments.forward);
    machine.ports.assign(1, wanted);
  }
  if (context.globals.json) {
    context.answer(describe_ports("vmfleet.port/1", machine));
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
