// SPDX-License-Identifier: MIT
// Work on several machines.
#include "cli/each_machine.hpp"

#include <vmfleet/async/task_group.hpp>

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

}  // namespace

Task<std::vector<std::optional<Error>>> for_each_machine(const Context& context,
                                                         std::vector<std::string> names,
                                                         MachineWork work) {
  std::vector<std::optional<Error>> errors(names.size());
  auto body = [&](TaskGroup& group) -> Task<void> {
    for (std::size_t i = 0; i < names.size(); ++i) {
      auto attempt = [&, i] { return keep_error(context, work, names[i], &errors[i]); };
      group.start(attempt);
    }
    co_return;
  };
  co_await with_task_group(body);
  co_return errors;
}

FleetReport collect_reports(const Context& context, const std::vector<std::string>& names,
                            const std::vector<std::optional<Error>>& errors) {
  FleetReport report;
  report.fleet = context.fleet_name();
  for (std::size_t i = 0; i < names.size(); ++i) {
    MachineReport machine;
    machine.name = names[i];
    try {
      machine = inspect_machine(context.directory_of(names[i]));
    } catch (const Error& error) {
      machine.error = error;  // it was removed meanwhile
    }
    if (errors[i]) machine.error = errors[i];
    report.machines.push_back(std::move(machine));
  }
  return report;
}

}  // namespace vmfleet::cli
