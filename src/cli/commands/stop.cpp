// SPDX-License-Identifier: MIT
// vmfleet stop, kill, down, rm: ends machines; down and rm remove what they left.
#include <functional>

#include "cli/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/program.hpp"
#include "cli/progress/progress.hpp"
#include "cli/report_printer.hpp"

namespace vmfleet::cli {

namespace {

struct StopArguments {
  StopArguments() = default;
  std::vector<std::string> names;
  std::optional<Milliseconds> grace;
};

using End = std::function<Task<FleetReport>(Fleet&, ProgressObserver)>;

Task<int> end_machines(Context& context, const std::vector<std::string>& names, End end,
                       std::string schema) {
  Fleet fleet = context.fleet();
  context.require_own(fleet.select(names));
  const auto progress = make_progress(context);
  Task<FleetReport> work = end(fleet, observer_of(*progress));
  const FleetReport report = co_await show_progress(*progress, std::move(work));
  if (report.machines.empty())
    context.say("nothing to do: fleet '" + fleet.name() + "' has no machines");
  tell_report(context, report, schema);
  co_return exit_code_of_errors(report);
}

StopOptions options_of(const StopArguments& arguments) {
  StopOptions options;
  options.grace = arguments.grace;
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
    const End end = [arguments](Fleet& fleet, ProgressObserver progress) {
      return fleet.stop(arguments->names, options_of(*arguments), std::move(progress));
    };
    return end_machines(context, arguments->names, end, "vmfleet.stop/1");
  });
}

void add_kill(Program& program) {
  auto arguments = std::make_shared<StopArguments>();
  CLI::App& app = program.command(group::kFleet, "kill", "end machines at once, by SIGKILL");
  add_names(app, arguments->names);
  program.runs(app, [arguments](Context& context) {
    const End end = [arguments](Fleet& fleet, ProgressObserver progress) {
      return fleet.stop(arguments->names, StopOptions::kill(), std::move(progress));
    };
    return end_machines(context, arguments->names, end, "vmfleet.kill/1");
  });
}

void add_down(Program& program) {
  auto arguments = std::make_shared<StopArguments>();
  CLI::App& app = program.command(group::kFleet, "down", "stop machines and remove them");
  add_names(app, arguments->names);
  add_duration(app, "--grace", arguments->grace, "how long a guest may take to shut down (10s)");
  program.runs(app, [arguments](Context& context) {
    const End end = [arguments](Fleet& fleet, ProgressObserver progress) {
      return fleet.down(arguments->names, options_of(*arguments), std::move(progress));
    };
    return end_machines(context, arguments->names, end, "vmfleet.down/1");
  });
}

void add_rm(Program& program) {
  auto arguments = std::make_shared<StopArguments>();
  CLI::App& app = program.command(group::kFleet, "rm", "remove machines that do not run");
  add_names(app, arguments->names);
  program.runs(app, [arguments](Context& context) {
    if (arguments->names.empty()) {
      throw Error(ErrorKind::invalid_config, "rm needs the names of machines")
          .hint("'*' means all that do not run; `vmfleet down` stops and removes all");
    }
    const End end = [arguments](Fleet& fleet, ProgressObserver progress) {
      return fleet.remove(arguments->names, std::move(progress));
    };
    return end_machines(context, arguments->names, end, "vmfleet.rm/1");
  });
}

}  // namespace vmfleet::cli
