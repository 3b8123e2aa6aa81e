// SPDX-License-Identifier: MIT
// vmfleet pause, resume, reset: the processors of machines.
#include "cli/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/each_machine.hpp"
#include "cli/exit_code.hpp"
#include "cli/program.hpp"
#include "cli/report_printer.hpp"

namespace vmfleet::cli {

namespace {

using Action = Task<void> (Machine::*)();

Task<void> act(Action action, std::filesystem::path directory) {
  Machine machine = co_await Machine::adopt(std::move(directory));
  co_await (machine.*action)();
}

Task<int> act_on_each(Context& context, std::vector<std::string> patterns, Action action,
                      std::string schema) {
  const auto names = context.select(patterns);
  const MachineWork work = [action](const std::string&, std::filesystem::path directory) {
    return act(action, std::move(directory));
  };
  const auto errors = co_await for_each_machine(context, names, work);
  const FleetReport report = collect_reports(context, names, errors);
  tell_report(context, report, schema);
  co_return exit_code_of_errors(report);
}

void add_action(Program& program, const std::string& name, const std::string& description,
                Action action) {
  auto names = std::make_shared<std::vector<std::string>>();
  CLI::App& app = program.command(group::kMachine, name, description);
  add_names(app, *names);
  program.runs(app, [names, name, action](Context& context) {
    return act_on_each(context, *names, action, "vmfleet." + name + "/1");
  });
}

}  // namespace

void add_pause(Program& program) {
  add_action(program, "pause", "halt the processors of machines", &Machine::pause);
  add_action(program, "resume", "let paused machines go on", &Machine::resume);
  add_action(program, "reset", "press the reset button of machines", &Machine::reset);
}

}  // namespace vmfleet::cli
