// SPDX-License-Identifier: MIT
// vmfleet start, restart: machines again, as they were specified.
#include "cli/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/early_end.hpp"
#include "cli/exit_code.hpp"
#include "cli/program.hpp"
#include "cli/progress/progress.hpp"
#include "cli/report_printer.hpp"

namespace vmfleet::cli {

namespace {

struct StartArguments {
  StartArguments() = default;
  std::vector<std::string> names;
  std::optional<Milliseconds> timeout;
  std::optional<Milliseconds> grace;
  bool no_wait = false;
};

UpOptions up_options(Context& context, const StartArguments& arguments, Progress& progress) {
  UpOptions options;
  options.names = context.select(arguments.names);
  context.require_own(options.names);
  options.wait = !arguments.no_wait;
  options.timeout = arguments.timeout;
  options.progress = observer_of(progress);
  progress.expect(options.names);
  return options;
}

Task<int> tell(Context& context, Progress& progress, Task<FleetReport> work, std::string schema) {
  const FleetReport report = co_await show_progress(progress, std::move(work));
  tell_report(context, report, schema);
  if (!context.globals.json && !context.globals.quiet) context.out.write(format_machines(report));
  warn_of_early_end(context, report);
  co_return exit_code(report);
}

Task<int> start(Context& context, const StartArguments& arguments) {
  context.cleans_up = true;
  const auto progress = make_progress(context);
  Fleet fleet = context.fleet();
  UpOptions options = up_options(context, arguments, *progress);
  co_return co_await tell(context, *progress, fleet.start(std::move(options)), "vmfleet.start/1");
}

Task<int> restart(Context& context, const StartArguments& arguments) {
  context.cleans_up = true;
  const auto progress = make_progress(context);
  Fleet fleet = context.fleet();
  UpOptions options = up_options(context, arguments, *progress);
  StopOptions stop;
  stop.grace = arguments.grace;
  co_return co_await tell(context, *progress, fleet.restart(std::move(options), stop),
                          "vmfleet.restart/1");
}

std::shared_ptr<StartArguments> add_arguments(CLI::App& app) {
  auto arguments = std::make_shared<StartArguments>();
  add_names(app, arguments->names);
  add_timeout(app, arguments->timeout, "for each machine to become ready");
  add_flag(app, "--no-wait", arguments->no_wait, "do not wait for readiness");
  return arguments;
}

}  // namespace

void add_start(Program& program) {
  CLI::App& app =
      program.command(group::kFleet, "start", "start machines that have ended, as they were");
  const auto arguments = add_arguments(app);
  program.runs(app, [arguments](Context& context) { return start(context, *arguments); });
}

void add_restart(Program& program) {
  CLI::App& app = program.command(group::kFleet, "restart",
                                  "stop machines and start them; disks and ports stay");
  const auto arguments = add_arguments(app);
  add_duration(app, "--grace", arguments->grace, "how long a guest may take to shut down (10s)");
  program.runs(app, [arguments](Context& context) { return restart(context, *arguments); });
}

}  // namespace vmfleet::cli
