// SPDX-License-Identifier: MIT
// vmfleet pause, resume, reset: the processors of machines; reset waits until they are ready again.
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

struct ResetArguments {
  ResetArguments() = default;
  std::vector<std::string> names;
  std::optional<Milliseconds> timeout;
  bool no_wait = false;
};

Task<void> reset(const ResetArguments& arguments, std::filesystem::path directory) {
  Machine machine = co_await Machine::adopt(std::move(directory));
  co_await machine.reset(arguments.timeout);
  // Reset or not, it boots when somebody lets it run.
  if (arguments.no_wait || machine.report().state == MachineState::paused) co_return;
  co_await machine.wait_ready(arguments.timeout);
}

Task<int> work_on_each(Context& context, std::vector<std::string> patterns, MachineWork work,
                       std::string schema) {
  auto names = context.select(patterns);
  context.require_own(names);
  const FleetReport report = co_await for_each_machine(context, std::move(names), std::move(work));
  tell_report(context, report, schema);
  co_return exit_code_of_errors(report);
}

void add_action(Program& program, const std::string& name, const std::string& description,
                Action action) {
  auto names = std::make_shared<std::vector<std::string>>();
  CLI::App& app = program.command(group::kMachine, name, description);
  add_names(app, *names);
  program.runs(app, [names, name, action](Context& context) {
    const MachineWork work = [action](const std::string&, std::filesystem::path directory) {
      return act(action, std::move(directory));
    };
    return work_on_each(context, *names, work, "vmfleet." + name + "/1");
  });
}

}  // namespace

void add_pause(Program& program) {
  add_action(program, "pause", "halt the processors of machines", &Machine::pause);
  add_action(program, "resume", "let paused machines go on", &Machine::resume);

  auto arguments = std::make_shared<ResetArguments>();
  CLI::App& app = program.command(group::kMachine, "reset",
                                  "press the reset button; return when machines are ready again");
  add_names(app, arguments->names);
  add_timeout(app, arguments->timeout, "for each machine to become ready");
  add_flag(app, "--no-wait", arguments->no_wait, "do not wait for readiness");
  program.runs(app, [arguments](Context& context) {
    const MachineWork work = [arguments](const std::string&, std::filesystem::path directory) {
      return reset(*arguments, std::move(directory));
    };
    return work_on_each(context, arguments->names, work, "vmfleet.reset/1");
  });
}

}  // namespace vmfleet::cli
