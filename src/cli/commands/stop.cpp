// SPDX-License-Identifier: MIT
// vmfleet stop, kill, down: ends machines; down also removes what they left.
#include "cli/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/program.hpp"
#include "cli/progress/progress.hpp"
#include "cli/report_printer.hpp"

namespace vmfleet::cli {

namespace {

enum class Then { keep, remove };

struct StopArguments {
  StopArguments() = default;
  std::vector<std::string> names;
  std::optional<Milliseconds> grace;
};

Task<int> end_machines(Context& context, std::vector<std::string> names, StopOptions options,
                       Then then, std::string schema) {
  Fleet fleet = context.fleet();
  const auto progress = make_progress(context);
  const ProgressObserver observer = observer_of(*progress);
  Task<FleetReport> work = then == Then::remove ? fleet.down(std::move(names), options, observer)
                                                : fleet.stop(std::move(names), options, observer);
  const FleetReport report = co_await show_progress(*progress, std::move(work));
  if (report.machines.empty())
    context.say("nothing to do: fleet '" + fleet.name() + "' has no machines");
  tell_report(context, report, schema);
  co_return exit_code_of_errors(report);
}

StopOptions options_of(const StopArguments& arguments) {
  StopOptions options;
  if (arguments.grace) options.grace = *arguments.grace;
  return options;
}

}  // namespace

void add_stop(Program& program) {
  auto arguments = std::make_shared<StopArguments>();
  CLI::App& app =
      program.command(group::kFleet, "stop", "stop machines; they can be started again");
  add_names(app, arguments->names);
  add_duration(app, "--grace", arguments->grace, "how long a guest may take to shut down (10s)");
  program.runs(app, [arguments](Context& context) {
    return end_machines(context, arguments->names, options_of(*arguments), Then::keep,
                        "vmfleet.stop/1");
  });
}

void add_kill(Program& program) {
  auto arguments = std::make_shared<StopArguments>();
  CLI::App& app = program.command(group::kFleet, "kill", "end machines at once, by SIGKILL");
  add_names(app, arguments->names);
  program.runs(app, [arguments](Context& context) {
    return end_machines(context, arguments->names, StopOptions::kill(), Then::keep,
                        "vmfleet.kill/1");
  });
}

void add_down(Program& program) {
  auto arguments = std::make_shared<StopArguments>();
  CLI::App& app = program.command(group::kFleet, "down", "stop machines and remove them");
  add_names(app, arguments->names);
  add_duration(app, "--grace", arguments->grace, "how long a guest may take to shut down (10s)");
  program.runs(app, [arguments](Context& context) {
    return end_machines(context, arguments->names, options_of(*arguments), Then::remove,
                        "vmfleet.down/1");
  });
}

}  // namespace vmfleet::cli
