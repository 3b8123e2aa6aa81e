// SPDX-License-Identifier: MIT
// vmfleet ps: every machine of the fleet.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include <vmfleet/async/time.hpp>
#include <vmfleet/base/text.hpp>

#include "cli/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/label_selector.hpp"
#include "cli/program.hpp"
#include "cli/report_printer.hpp"

namespace vmfleet::cli {

namespace {

// A state changes by a record, by the end of a process, by what another command does.
constexpr Milliseconds kLookAgain(1'000);

struct PsArguments {
  PsArguments() = default;
  std::vector<std::string> names;
  LabelSelector selector;
  bool watch = false;
};

void say_that_none(const Context& context, const std::string& fleet, bool selected) {
  if (selected) return context.say("no machine has these labels");
  auto fleets = list_fleets(context.state_root());
  std::erase(fleets, fleet);  // what is in its folder is no machine
  std::string line = fmt::format("no machines in fleet '{}'", sanitize(fleet));
  if (!fleets.empty()) line += fmt::format("; fleets with some: {}", join(fleets, ", "));
  context.say(line);
}

FleetReport select(FleetReport report, const PsArguments& arguments) {
  auto& machines = report.machines;
  const auto is_other = [&](const MachineReport& machine) {
    return !arguments.selector.matches(machine.labels);
  };
  machines.erase(std::remove_if(machines.begin(), machines.end(), is_other), machines.end());
  return report;
}

/// What a table has no room for.
void tell_notes(const Context& context, const FleetReport& report) {
  std::vector<std::string> ended;
  for (const auto& machine : report.machines) {
    for (const auto& warning : machine.warnings) {
      context.say(fmt::format("warning: {}: {}", machine.name, warning));
    }
    if (machine.exit && machine.exit->kind == "host-reboot") ended.push_back(machine.name);
  }
  if (ended.empty()) return;
  context.say(context.addressed(
      fmt::format("the host was restarted since these ran: {}; `vmfleet start` starts them again",
                  join(ended, ", "))));
}

void print(const Context& context, const FleetReport& report, const std::string& fleet,
           bool selected) {
  if (context.globals.json) {
    context.answer(context.addressed(report).to_json("vmfleet.ps/1"));
  } else if (context.globals.quiet) {
    for (const auto& machine : report.machines) context.out.write(machine.name + "\n");
  } else if (report.machines.empty()) {
    say_that_none(context, fleet, selected);
  } else {
    context.out.write(format_machines(report));
    tell_notes(context, report);
  }
}

/// What could not be read of a machine: the rest of its report is what the kernel tells.
FleetReport damaged_of(FleetReport report) {
  for (auto& machine : report.machines) {
    if (!machine.damaged) machine.error.reset();
  }
  return report;
}

/// The title and then a line for each machine, by its name.
std::map<std::string, std::string> lines_of(const Context& context, const FleetReport& report) {
  std::map<std::string, std::string> lines;
  const std::string table = format_machines(report);
  const auto rows = split(trim(table), '\n');
  for (std::size_t i = 0; i < report.machines.size(); ++i) {
    const MachineReport& machine = report.machines[i];
    lines[machine.name] = context.globals.json    ? json::write(machine.to_json())
                          : context.globals.quiet ? machine.name
                                                  : std::string(rows[i + 1]);
  }
  const bool titled = !context.globals.json && !context.globals.quiet;
  if (titled && !lines.empty()) lines[""] = rows[0];
  return lines;
}

std::string removed_line(const Context& context, const std::string& name) {
  if (!context.globals.json) return name + "  removed";
  return json::write(json::Object{{"name", name}, {"removed", true}});
}

/// A line for each machine, then for each change.
Task<int> watch(Context& context, const PsArguments& arguments) {
  context.streams = true;
  const Fleet fleet = context.fleet();
  std::map<std::string, std::string> shown;
  for (;;) {
    auto lines = lines_of(context, select(fleet.status(arguments.names), arguments));
    for (const auto& [name, line] : lines) {
      const bool is_title = name.empty();
      if (is_title ? shown.count("") == 0 : shown[name] != line) context.out.write(line + "\n");
    }
    for (const auto& [name, line] : shown) {
      if (lines.count(name) == 0 && !name.empty()) {
        context.out.write(removed_line(context, name) + "\n");
      }
    }
    shown = std::move(lines);
    co_await sleep_for(kLookAgain);
  }
}

Task<int> ps(Context& context, const PsArguments& arguments) {
  if (arguments.watch) co_return co_await watch(context, arguments);
  const Fleet fleet = context.fleet();
  FleetReport everyone = co_await fleet.reconcile(arguments.names);
  const FleetReport report = select(std::move(everyone), arguments);
  const bool selected = report.machines.empty() && !fleet.select(arguments.names).empty();
  print(context, report, fleet.name(), selected);
  const FleetReport damaged = damaged_of(report);
  for (const auto& machine : damaged.machines) context.complain(machine);
  co_return exit_code_of_errors(damaged);
}

}  // namespace

void add_ps(Program& program) {
  auto arguments = std::make_shared<PsArguments>();
  CLI::App& app = program.command(group::kLook, "ps", "list the machines; -q: names only");
  set_alias(app, "ls");
  add_names(app, arguments->names);
  add_parsed(app, "-l,--selector", "LABELS", arguments->selector, LabelSelector::parse,
             "only those with these labels: role=web,zone!=a");
  add_flag(app, "-w,--watch", arguments->watch, "go on, with a line for each change");
  program.runs(app, [arguments](Context& context) { return ps(context, *arguments); });
}

}  // namespace vmfleet::cli
