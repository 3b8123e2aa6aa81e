// SPDX-License-Identifier: MIT
// vmfleet forward: ports of the host that lead into a machine that runs, made and taken away.
#include <vmfleet/machine/machine.hpp>

#include "cli/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/port_table.hpp"
#include "cli/program.hpp"

namespace vmfleet::cli {

namespace {

enum class Change { add, remove };

struct ForwardArguments {
  ForwardArguments() = default;
  std::string name;
  std::string change;
  std::string forward;
};

Task<int> forward(Context& context, const ForwardArguments& arguments) {
  const Change change =
      choose<Change>(arguments.change, {{"add", Change::add}, {"rm", Change::remove}}).value();
  const auto directory = context.directory_of(arguments.name);
  const MachineReport before = inspect_machine(directory);
  require_running(before);
  if (change == Change::add) {
    const Forward wanted = parse_forward(arguments.forward).value();
    Machine machine = co_await Machine::adopt(directory);
    co_await machine.add_forward(wanted);
  } else {
    const std::string unwanted = find_port(before, arguments.forward).name;
    Machine machine = co_await Machine::adopt(directory);
    co_await machine.remove_forward(unwanted);
  }
  const MachineReport after = inspect_machine(directory);
  if (context.globals.json) {
    context.answer(describe_ports("vmfleet.forward/1", after));
  } else {
    context.out.write(format_ports(after));
  }
  co_return kDone;
}

}  // namespace

void add_forward(Program& program) {
  auto arguments = std::make_shared<ForwardArguments>();
  CLI::App& app =
      program.command(group::kMachine, "forward", "add or remove a forward of a machine that runs");
  add_positional(app, "NAME", arguments->name, Presence::required, "the machine");
  add_positional(app, "CHANGE", arguments->change, Presence::required, "add or rm");
  add_positional(app, "FORWARD", arguments->forward, Presence::required,
                 "[NAME:][[ADDRESS:]HOST:]GUEST[/udp]; to remove: its name or the guest's port");
  set_footer(app, "A forward that was added is there again after restart, with its port.");
  program.runs(app, [arguments](Context& context) { return forward(context, *arguments); });
}

}  // namespace vmfleet::cli
