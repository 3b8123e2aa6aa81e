// SPDX-License-Identifier: MIT
// vmfleet ps: every machine of the fleet.
#include <fmt/format.h>

#include <vmfleet/base/text.hpp>

#include "cli/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/program.hpp"
#include "cli/report_printer.hpp"

namespace vmfleet::cli {

namespace {

void say_that_none(const Context& context, const std::string& fleet) {
  const auto fleets = list_fleets(context.state_root());
  std::string line = fmt::format("no machines in fleet '{}'", sanitize(fleet));
  if (!fleets.empty()) line += fmt::format("; fleets with some: {}", join(fleets, ", "));
  context.say(line);
}

Task<int> ps(Context& context, const std::vector<std::string>& names) {
  const Fleet fleet = context.fleet();
  const FleetReport report = fleet.status(names);
  if (context.globals.json) {
    context.answer(report.to_json("vmfleet.ps/1"));
  } else if (context.globals.quiet) {
    for (const auto& machine : report.machines) context.out.write(machine.name + "\n");
  } else if (report.machines.empty()) {
    say_that_none(context, fleet.name());
  } else {
    context.out.write(format_machines(report));
  }
  co_return kDone;
}

}  // namespace

void add_ps(Program& program) {
  auto names = std::make_shared<std::vector<std::string>>();
  CLI::App& app = program.command(group::kLook, "ps", "list the machines; -q: names only");
  set_alias(app, "ls");
  add_names(app, *names);
  program.runs(app, [names](Context& context) { return ps(context, *names); });
}

}  // namespace vmfleet::cli
