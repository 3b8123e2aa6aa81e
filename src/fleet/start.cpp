// SPDX-License-Identifier: MIT
// Fleet::start and Fleet::restart: machines again, as they were specified.
#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>
#include <vmfleet/fleet/fleet.hpp>
#include <vmfleet/instance/intent.hpp>

#include "fleet/dependencies.hpp"

namespace vmfleet {

namespace {

MachineSpec recall_machine(const std::filesystem::path& root,
                           const std::filesystem::path& directory) {
  const auto intent = read_intent(InstanceDirectory::open(directory));
  if (intent && intent->spec.is_object()) return recall(intent->spec, root);
  throw Error(ErrorKind::invalid_config,
              fmt::format("nothing is recorded that {} could be started from",
                          sanitize(directory.filename().string())))
      .hint("start it with `vmfleet up`, from its fleet file or options");
}

bool is_of(const MachineReport& machine, const std::string& name) {
  return machine.name == name;
}

/// The machines of `done` and `others`, in the order of `names`.
FleetReport merge(const std::vector<std::string>& names, FleetReport done,
                  std::vector<MachineReport> others) {
  std::move(done.machines.begin(), done.machines.end(), std::back_inserter(others));
  done.machines.clear();
  for (const auto& name : names) {
    const auto found = std::find_if(others.begin(), others.end(),
                                    [&](const auto& machine) { return is_of(machine, name); });
    if (found != others.end()) done.machines.push_back(std::move(*found));
  }
  return done;
}

/// Who is not started now is not waited for; machines of different specifications have no order.
void forget_others(std::vector<MachineSpec>& machines) {
  const DependencyGraph graph = graph_of(machines);
  const bool has_order = find_cycle(graph).empty();
  for (auto& machine : machines) {
    const auto is_other = [&](const auto& dependency) {
      return !has_order || graph.count(dependency.first) == 0;
    };
    std::erase_if(machine.depends_on, is_other);
  }
}

}  // namespace

FleetSpec Fleet::recall_spec(const std::vector<std::string>& names,
                             std::vector<MachineReport>& failed) const {
  FleetSpec spec;
  spec.name = name_;
  for (const auto& name : names) {
    const auto directory = root_ / name_ / name;
    try {
      spec.machines.push_back(recall_machine(root_, directory));
    } catch (const Error& error) {
      MachineReport& report = failed.emplace_back();
      report.name = name;
      report.state = MachineState::failed;
      report.directory = directory;
      report.error = error;
    }
  }
  forget_others(spec.machines);
  return spec;
}

Task<FleetReport> Fleet::start(UpOptions options) {
  const auto names = select(options.names);
  std::vector<MachineReport> failed;
  FleetSpec spec = recall_spec(names, failed);
  options.names.clear();
  FleetReport started = co_await up(std::move(spec), std::move(options));
  co_return merge(names, std::move(started), std::move(failed));
}

Task<FleetReport> Fleet::restart(UpOptions options, StopOptions stop_options) {
  const auto names = select(options.names);
  std::vector<MachineReport> failed;
  FleetSpec spec = recall_spec(names, failed);
  std::vector<std::string> known;
  for (const auto& machine : spec.machines) known.push_back(machine.config.name);
  if (known.empty()) co_return merge(names, FleetReport(name_), std::move(failed));
  FleetReport stopped = co_await stop(known, stop_options, options.progress);
  for (auto& machine : stopped.machines) {
    if (!machine.error) continue;
    const auto is_it = [&](const auto& one) { return one.config.name == machine.name; };
    auto& machines = spec.machines;
    machines.erase(std::remove_if(machines.begin(), machines.end(), is_it), machines.end());
    failed.push_back(std::move(machine));
  }
  forget_others(spec.machines);
  options.names.clear();
  FleetReport started = co_await up(std::move(spec), std::move(options));
  co_return merge(names, std::move(started), std::move(failed));
}

}  // namespace vmfleet
