// SPDX-License-Identifier: MIT
// StopOrder: from the specifications in the machines' records.
#include "fleet/stop_order.hpp"

#include <vmfleet/base/error.hpp>
#include <vmfleet/instance/intent.hpp>

#include "fleet/dependencies.hpp"

namespace vmfleet {

namespace {

/// Class and dependencies of a machine, as far as they are recorded.
MachineSpec recorded_order(const std::filesystem::path& directory) {
  MachineSpec machine;
  machine.config.name = directory.filename().string();
  try {
    const auto intent = read_intent(InstanceDirectory::open(directory));
    if (!intent) return machine;
    machine.machine_class = intent->spec.text("class");
    machine.depends_on = dependencies_from_json(intent->spec["keys"]["depends_on"]);
  } catch (const Error&) {
    // It is ended all the same, and its report says what is wrong with it.
  }
  return machine;
}

}  // namespace

StopOrder::StopOrder(const std::filesystem::path& fleet, const std::vector<std::string>& names) {
  std::vector<MachineSpec> machines;
  for (const auto& name : names) {
    MachineSpec machine = recorded_order(fleet / name);
    MachineClass& its_class = classes_[machine.machine_class];
    ++its_class.running;
    class_of_[name] = &its_class;
    machines.push_back(std::move(machine));
  }
  const DependencyGraph graph = graph_of(machines);
  if (!find_cycle(graph).empty()) return;
  for (const auto& [dependent, needed_classes] : graph) {
    for (const auto& needed : needed_classes) {
      const auto known = classes_.find(needed);
      if (known != classes_.end()) known->second.dependents.push_back(&classes_[dependent]);
    }
  }
}

Task<void> StopOrder::await_turn(const std::string& name) {
  for (MachineClass* dependent : class_of_.at(name)->dependents) {
    co_await dependent->all_ended.wait();
  }
}

void StopOrder::ended(const std::string& name) {
  MachineClass& its_class = *class_of_.at(name);
  if (--its_class.running == 0) its_class.all_ended.set();
}

}  // namespace vmfleet
