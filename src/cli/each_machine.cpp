// SPDX-License-Identifier: MIT
// Work on several machines.
#include "cli/each_machine.hpp"

#include <optional>
#include <utility>

#include <vmfleet/async/task_group.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/base/error.hpp>

namespace vmfleet::cli {

namespace {

Task<void> keep_error(const Context& context, const MachineWork& work, std::string name,
                      std::optional<Error>* slot) {
  try {
    co_await work(name, context.directory_of(name));
  } catch (const Error& error) {
    *slot = error;
  }
}

MachineReport report_of(const Context& context, const std::string& name) {
  MachineReport report;
  report.name = name;
  try {
    report = inspect_machine(context.directory_of(name));
  } catch (const Error& error) {
    report.error = error;  // it was removed meanwhile
  }
  return report;
}

}  // namespace

Task<FleetReport> for_each_machine(const Context& context, std::vector<std::string> names,
                                   MachineWork work) {
  Loop& loop = co_await current_loop();
  const TimePoint began = loop.now();
  std::vector<std::optional<Error>> errors(names.size());
  auto body = [&](TaskGroup& group) -> Task<void> {
    for (std::size_t i = 0; i < names.size(); ++i) {
      auto attempt = [&, i] { return keep_error(context, work, names[i], &errors[i]); };
      group.start(attempt);
    }
    co_return;
  };
  co_await with_task_group(body);
  FleetReport report;
  report.fleet = context.fleet_name();
  report.elapsed = std::chrono::duration_cast<Milliseconds>(loop.now() - began);
  for (std::size_t i = 0; i < names.size(); ++i) {
    MachineReport& machine = report.machines.emplace_back(report_of(context, names[i]));
    if (errors[i]) machine.error = errors[i];
  }
  co_return report;
}

}  // namespace vmfleet::cli
