// SPDX-License-Identifier: MIT
// vmfleet wait: until machines are ready, have ended, or have said something.
#include <algorithm>

#include <fmt/format.h>

#include <vmfleet/async/task_group.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/base/text.hpp>

#include "cli/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/each_machine.hpp"
#include "cli/exit_code.hpp"
#include "cli/program.hpp"
#include "cli/wait_condition.hpp"

namespace vmfleet::cli {

namespace {

// Without --timeout a wait ends with the machine.
constexpr Milliseconds kForever = Readiness::kNoTimeout;

struct WaitArguments {
  WaitArguments() = default;
  std::vector<std::string> names;
  WaitCondition condition;
  bool any = false;
  std::optional<Milliseconds> timeout;
};

/// What one machine's wait came to; with --any some come to nothing.
struct Outcome {
  Outcome() = default;
  std::string name;
  std::optional<ReadyReport> seen;
  std::optional<ExitReport> exit;
  std::optional<Error> error;

  [[nodiscard]] bool met() const noexcept { return seen || exit; }
};

Task<void> wait_for_exit(std::filesystem::path directory, Outcome* outcome) {
  co_await wait_until_ended(directory);
  outcome->exit = ExitReport();
  const MachineReport report = inspect_machine(directory);
  if (report.exit) outcome->exit = report.exit;
}

/// What is left of a time that began to pass at `since`.
std::optional<Milliseconds> rest_of(std::optional<Milliseconds> timeout, TimePoint since,
                                    TimePoint now) {
  if (!timeout) return std::nullopt;
  const auto passed = std::chrono::duration_cast<Milliseconds>(now - since);
  return std::max(*timeout - passed, Milliseconds(0));
}

/// The machine, when a start that is under way has come to its end.
Task<Machine> adopt_started(std::filesystem::path directory, std::optional<Milliseconds> timeout) {
  co_await with_timeout(timeout.value_or(kForever), wait_until_started(directory));
  co_return co_await Machine::adopt(std::move(directory));
}

Task<void> wait_for_ready(std::filesystem::path directory, std::optional<Milliseconds> timeout,
                          Outcome* outcome) {
  Loop& loop = co_await current_loop();
  const TimePoint since = loop.now();
  const MachineReport report = inspect_machine(directory);
  if (report.good()) {
    outcome->seen = ReadyReport();
    outcome->seen->took = report.ready_after.value_or(Milliseconds(0));
    co_return;
  }
  Machine machine = co_await adopt_started(std::move(directory), timeout);
  outcome->seen = co_await machine.wait_ready(rest_of(timeout, since, loop.now()));
}

Task<void> wait_for_condition(Readiness readiness, std::filesystem::path directory,
                              std::optional<Milliseconds> timeout, Outcome* outcome) {
  Loop& loop = co_await current_loop();
  const TimePoint since = loop.now();
  Machine machine = co_await adopt_started(std::move(directory), timeout);
  readiness.timeout = rest_of(timeout, since, loop.now()).value_or(kForever);
  outcome->seen = co_await machine.wait_for(std::move(readiness));
}

Task<void> wait_as_asked(const WaitArguments& arguments, std::filesystem::path directory,
                         Outcome* outcome) {
  // The waits' own timeouts know what was missing.
  switch (arguments.condition.kind) {
    case WaitCondition::Kind::ready:
      return wait_for_ready(std::move(directory), arguments.timeout, outcome);
    case WaitCondition::Kind::condition:
      return wait_for_condition(arguments.condition.readiness, std::move(directory),
                                arguments.timeout, outcome);
    case WaitCondition::Kind::exit:
      break;
  }
  Task<void> wait = wait_for_exit(std::move(directory), outcome);
  if (!arguments.timeout) return wait;
  return with_timeout(*arguments.timeout, std::move(wait));
}

Task<void> wait_for_one(const Context& context, const WaitArguments& arguments, Outcome* outcome) {
  try {
    co_await wait_as_asked(arguments, context.directory_of(outcome->name), outcome);
  } catch (const Error& error) {
    outcome->error = error;
  }
}

Task<void> wait_for_all(const Context& context, const WaitArguments& arguments,
                        std::vector<Outcome>& outcomes) {
  auto body = [&](TaskGroup& group) -> Task<void> {
    auto wait = [&](Outcome* outcome) -> Task<void> {
      co_await wait_for_one(context, arguments, outcome);
      if (arguments.any && outcome->met()) group.cancel();
    };
    for (auto& outcome : outcomes) group.start(wait, &outcome);
    co_return;
  };
  co_await with_task_group(body);
}

json::Value to_json(const Context& context, const Outcome& outcome) {
  json::Object machine;
  machine.set("name", outcome.name);
  machine.set("met", outcome.met());
  if (outcome.seen) {
    machine.set("took_ms", static_cast<std::int64_t>(outcome.seen->took.count()));
    json::Array seen;
    for (const auto& line : outcome.seen->seen) seen.emplace_back(line);
    machine.set("seen", std::move(seen));
  }
  if (outcome.exit) machine.set("exit", outcome.exit->to_json());
  if (outcome.error) machine.set("error", error_to_json(context.addressed(*outcome.error)));
  return machine;
}

void print(const Context& context, const std::vector<Outcome>& outcomes) {
  if (context.globals.json) {
    json::Array machines;
    for (const auto& outcome : outcomes) machines.push_back(to_json(context, outcome));
    json::Object document;
    document.set("schema", "vmfleet.wait/1");
    document.set("fleet", context.fleet_name());
    document.set("machines", std::move(machines));
    context.answer(std::move(document));
    return;
  }
  if (context.globals.quiet) return;
  for (const auto& outcome : outcomes) {
    if (outcome.exit) {
      context.out.write(fmt::format(
          "{}: ended: {}\n", outcome.name,
          sanitize(outcome.exit->reason.empty() ? outcome.exit->kind : outcome.exit->reason)));
    }
    if (!outcome.seen) continue;
    const std::string seen = join(outcome.seen->seen, "; ");
    context.out.write(
        fmt::format("{}: {}\n", outcome.name, seen.empty() ? "ready" : sanitize(seen)));
  }
}

/// With --any one that was met is enough; the exit code of the rest does not count then.
int code_of(const Context& context, const std::vector<Outcome>& outcomes, bool any) {
  FleetReport report;
  bool some_met = false;
  for (const auto& outcome : outcomes) some_met = some_met || outcome.met();
  for (const auto& outcome : outcomes) {
    MachineReport machine;
    machine.name = outcome.name;
    machine.error = outcome.error;
    if (any && some_met) machine.error.reset();
    context.complain(machine);
    report.machines.push_back(std::move(machine));
  }
  return exit_code(report);
}

Task<int> wait(Context& context, const WaitArguments& arguments) {
  std::vector<Outcome> outcomes;
  for (const auto& name : context.select(arguments.names)) outcomes.emplace_back().name = name;
  co_await wait_for_all(context, arguments, outcomes);
  print(context, outcomes);
  co_return code_of(context, outcomes, arguments.any);
}

}  // namespace

void add_wait(Program& program) {
  auto arguments = std::make_shared<WaitArguments>();
  CLI::App& app = program.command(group::kLook, "wait", "wait until machines are ready, or more");
  add_names(app, arguments->names);
  add_parsed(
      app, "--for", "WHAT", arguments->condition,
      [](const std::string& text) { return parse_wait_condition(text); },
      "ready (default), exit, serial=TEXT, regex=RE, event=NAME, port=FORWARD, ssh, agent");
  add_flag(app, "--any", arguments->any, "one machine is enough");
  add_timeout(app, arguments->timeout, "how long to wait");
  program.runs(app, [arguments](Context& context) { return wait(context, *arguments); });
}

}  // namespace vmfleet::cli
