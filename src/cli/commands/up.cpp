// SPDX-License-Identifier: MIT
// vmfleet up: starts a fleet and returns when every machine is ready.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include <vmfleet/async/time.hpp>
#include <vmfleet/base/text.hpp>

#include "cli/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/early_end.hpp"
#include "cli/exit_code.hpp"
#include "cli/log_printer.hpp"
#include "cli/program.hpp"
#include "cli/progress/progress.hpp"
#include "cli/report_printer.hpp"
#include "cli/up_spec.hpp"

namespace vmfleet::cli {

namespace {

// Each machine has its own grace, which is the user's to choose.
constexpr Milliseconds kStopLimit(600'000);

struct UpArguments {
  UpArguments() = default;

  SpecArguments spec;
  std::vector<std::string> names;
  std::optional<Milliseconds> timeout;
  std::optional<std::size_t> max_boot;
  bool no_wait = false;
  bool keep_failed = false;
  CloneArguments clone;
  bool recreate = false;
  bool verify = false;
  bool dry_run = false;
  bool attach = false;
};

UpOptions options_of(const UpArguments& arguments) {
  UpOptions options;
  options.names = arguments.names;
  options.wait = !arguments.no_wait;
  options.max_boot = arguments.max_boot.value_or(0);
  options.keep_failed = arguments.keep_failed;
  options.cloned = arguments.clone.chosen();
  options.recreate = arguments.recreate;
  options.verify = arguments.verify;
  options.timeout = arguments.timeout;
  return options;
}

/// The first of many.
std::string in_short(std::vector<std::string> names) {
  constexpr std::size_t kMost = 8;
  if (names.empty()) return "none";
  const std::size_t others = names.size() > kMost ? names.size() - kMost : 0;
  names.resize(names.size() - others);
  return join(names, " ") + (others > 0 ? fmt::format(" and {} more", others) : "");
}

/// Those that are booted for one reason together.
std::string clones_of(const UpPlan& plan) {
  if (plan.to_clone.empty() && plan.not_cloned.empty()) return "";
  std::map<std::string, std::vector<std::string>> booted;
  for (const auto& [name, why] : plan.not_cloned) booted[why].push_back(name);
  std::string text = fmt::format("# to clone: {}\n", in_short(plan.to_clone));
  for (const auto& [why, names] : booted) {
    text += fmt::format("# booted, not cloned: {}: {}\n", in_short(names), why);
  }
  return text;
}

/// Lines that a shell ignores.
std::string comment_of(const UpPlan& plan) {
  const auto gibi = [](Bytes size) {
    return fmt::format("{:.1f}G", static_cast<double>(size.count()) / (1 << 30));
  };
  std::string memory = gibi(plan.memory) + " needed";
  if (plan.memory_available) {
    memory += fmt::format(", {} available{}", gibi(*plan.memory_available),
                          plan.memory > *plan.memory_available ? ": not enough" : "");
  }
  return fmt::format(
      "# to start: {}\n{}# running: {}\n# boot at a time: {}, {}\n# memory: {}\n"
      "# descriptors: {} needed, {} allowed{}\n",
      in_short(plan.to_start), clones_of(plan), in_short(plan.running), plan.boots_at_once,
      plan.why, memory, plan.descriptors, plan.descriptors_allowed,
      plan.descriptors > plan.descriptors_allowed ? ": not enough" : "");
}

void answer_dry_run(const Context& context, const UpPlan& plan) {
  if (context.globals.json) {
    json::Array commands;
    for (const auto& line : plan.commands) {
      commands.emplace_back(json::to_array(line.argv));
    }
    json::Object document;
    document.set("schema", "vmfleet.dry-run/1");
    document.set("plan", plan.to_json());
    document.set("commands", std::move(commands));
    context.answer(std::move(document));
    return;
  }
  std::string text = comment_of(plan);
  for (const auto& line : plan.commands) {
    text += "\n" + line.to_text();
    if (text.back() != '\n') text += '\n';
  }
  context.out.write(text);
}

void answer(const Context& context, const FleetReport& report) {
  tell_report(context, report, "vmfleet.up/1");
  if (!context.globals.json && !context.globals.quiet) context.out.write(format_machines(report));
}

/// Their consoles, until the last of them has ended; Ctrl-C stops them, and again at once.
Task<int> stay(Context& context, Fleet& fleet, const FleetReport& report) {
  std::vector<std::string> names;
  for (const auto& machine : report.machines) {
    if (machine.pid) names.push_back(machine.name);
  }
  context.streams = true;
  context.waits_for_guests = true;
  LogOptions logs;
  logs.follow = true;
  const auto progress = make_progress(context);
  auto stop = [&]() -> Task<void> {
    StopOptions options;
    options.hurry = context.hurry;
    Task<FleetReport> work = fleet.stop(names, options, observer_of(*progress));
    const FleetReport stopped = co_await show_progress(*progress, std::move(work));
    for (const auto& machine : stopped.machines) context.complain(machine);
  };
  Task<void> follow = print_logs(context, names, logs);
  if (!names.empty()) co_await finally(std::move(follow), kStopLimit, stop);
  co_return exit_code(report.failed() > 0 ? report : fleet.status(names));
}

/// A count that was lowered, or a class that was taken away, ends nothing by itself.
void tell_what_is_left(const Context& context, const Fleet& fleet,
                       const std::vector<std::string>& wanted) {
  std::vector<std::string> left;
  for (const auto& name : fleet.select({})) {
    if (std::find(wanted.begin(), wanted.end(), name) == wanted.end()) left.push_back(name);
  }
  if (left.empty()) return;
  const std::string command = "vmfleet down " + join(left, " ");
  context.say(fmt::format("vmfleet: not asked for any more, and left as {}: `{}` removes {}",
                          left.size() == 1 ? "it is" : "they are", context.addressed(command),
                          left.size() == 1 ? "it" : "them"));
}

Task<int> up(Context& context, const UpArguments& arguments) {
  context.cleans_up = true;
  FleetSpec spec = resolve_spec(context, arguments.spec);
  Fleet fleet(context.state_root(), spec.name);
  UpOptions options = options_of(arguments);
  const auto progress = make_progress(context);
  options.progress = observer_of(*progress);
  if (arguments.dry_run) {
    Task<UpPlan> work = fleet.dry_run(std::move(spec), std::move(options));
    const UpPlan plan = co_await show_progress(*progress, std::move(work));
    answer_dry_run(context, plan);
    co_return kDone;
  }
  std::vector<std::string> names;
  for (const auto& machine : spec.machines) names.push_back(machine.config.name);
  if (arguments.names.empty()) progress->expect(names);
  Task<FleetReport> work = fleet.up(std::move(spec), std::move(options));
  const FleetReport report = co_await show_progress(*progress, std::move(work));
  if (arguments.attach) {
    for (const auto& machine : report.machines) context.complain(machine);
    co_return co_await stay(context, fleet, report);
  }
  answer(context, report);
  tell_what_is_left(context, fleet, names);
  warn_of_early_end(context, report);
  co_return exit_code(report);
}

}  // namespace

void add_up(Program& program) {
  auto arguments = std::make_shared<UpArguments>();
  CLI::App& app =
      program.command(group::kFleet, "up", "start a fleet; return when every machine is ready");
  add_positionals(app, "NAME", arguments->names, "only these machines; globs and {1..8} work");
  add_spec_options(app, arguments->spec);
  add_timeout(app, arguments->timeout, "for each machine to become ready");
  add_flag(app, "--no-wait", arguments->no_wait, "do not wait for readiness");
  add_count(app, "--max-boot", arguments->max_boot, 1, kMostMachines, "",
            "how many boot at a time (emulated: as many as processors)");
  add_flag(app, "--attach", arguments->attach,
           "stay and follow the consoles; Ctrl-C stops the machines");
  add_flag(app, "--keep-failed", arguments->keep_failed, "leave machines that failed running");
  add_clone_options(app, arguments->clone);
  add_flag(app, "--recreate", arguments->recreate, "replace machines whose configuration differs");
  add_flag(app, "--verify", arguments->verify, "read disks' sources to see whether they changed");
  add_flag(app, "--dry-run", arguments->dry_run,
           "print the plan and QEMU's command lines, start nothing");
  program.runs(app, [arguments](Context& context) { return up(context, *arguments); });
}

}  // namespace vmfleet::cli
