// SPDX-License-Identifier: MIT
// Fleet::start and Fleet::restart: machines again, as they were specified.
#include <algorithm>
#include <iterator>
#include <map>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>
#include <vmfleet/fleet/fleet.hpp>
#include <vmfleet/instance/intent.hpp>
#include <vmfleet/instance/locks.hpp>
#include <vmfleet/instance/record.hpp>

#include "fleet/admission.hpp"
#include "fleet/completion.hpp"
#include "fleet/dependencies.hpp"
#include "fleet/host_limits.hpp"
#include "fleet/meanwhile.hpp"
#include "fleet/operation.hpp"

namespace vmfleet {

namespace {

/// Of a folder without a record: just now, or a command that was to make a machine was killed.
Error is_being_made(const InstanceDirectory& directory) {
  return Error(ErrorKind::conflict, fmt::format("{} is not made yet: another command may be at it",
                                                directory.path().filename().string()))
      .hint("try again, or make it with `vmfleet up`");
}

MachineSpec recall_machine(const std::filesystem::path& root,
                           const std::filesystem::path& directory) {
  const auto folder = InstanceDirectory::open(directory);
  const auto intent = read_intent(folder);
  if (intent && intent->spec.is_object()) return recall(intent->spec, root);
  const bool lost = intent ? intent->rebuilt : is_lost(folder, instance_file::kIntent);
  if (lost) throw lost_intent(folder);
  const bool is_new = !intent && (OperationLock::held(folder) || !folder.has_records());
  if (is_new) throw is_being_made(folder);
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

/// As far as that can be seen: another command may have removed it.
MachineReport look_at(const std::filesystem::path& directory) {
  try {
    return inspect_machine(directory);
  } catch (const Error& error) {
    MachineReport report;
    report.name = directory.filename().string();
    report.state = MachineState::failed;
    report.directory = directory;
    report.error = error;
    return report;
  }
}

/// Machines that are to be stopped and started again, while they run yet: which of them could not
/// be started, and why. *Errors*: of what they share, with which none could be.
class RestartCheck {
 public:
  RestartCheck(Loop& loop, std::filesystem::path root, std::string fleet, UpOptions options)
      : root_(std::move(root)),
        fleet_(std::move(fleet)),
        options_(std::move(options)),
        operation_(loop, options_.progress) {}

  Task<std::map<std::string, Error>> run(FleetSpec spec) {
    Completion completion(root_, fleet_, operation_, Completion::Keys::make);
    const std::vector<MachineSpec> machines = co_await completion.run(std::move(spec), options_);
    require_room(plan_up(root_ / fleet_, machines, options_));  // those that run have theirs
    require_disk_room(root_, Bytes(0), machines.size());
    std::map<std::string, Error> refused;
    for (const auto& machine : machines) {
      try {
        co_await Machine::plan(machine.config, root_);
      } catch (const Error& error) {
        refused.emplace(machine.config.name, error);
      }
    }
    co_return refused;
  }

 private:
  std::filesystem::path root_;
  std::string fleet_;
  UpOptions options_;
  Operation operation_;
};

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
      const bool removed = error.kind() == ErrorKind::not_found;
      report.error = removed ? removed_by_another(directory) : error;
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
  options.cloned = Cloned::no;  // what is there of them is theirs
  FleetReport started = co_await up(std::move(spec), std::move(options));
  co_return merge(names, std::move(started), std::move(failed));
}

Task<FleetReport> Fleet::restart(UpOptions options, StopOptions stop_options) {
  const auto names = select(options.names);
  std::vector<MachineReport> failed;
  FleetSpec spec = recall_spec(names, failed);
  if (spec.machines.empty()) co_return merge(names, FleetReport(name_), std::move(failed));
  options.names.clear();
  options.cloned = Cloned::no;  // what is there of them is theirs
  Loop& loop = co_await current_loop();
  RestartCheck check(loop, root_, name_, options);
  const auto refused = co_await check.run(spec);
  const auto give_up = [&](MachineReport machine) {
    const auto is_it = [&](const auto& one) { return one.config.name == machine.name; };
    std::erase_if(spec.machines, is_it);
    failed.push_back(std::move(machine));
  };
  for (const auto& [name, error] : refused) {
    MachineReport machine = look_at(root_ / name_ / name);
    machine.error = error;
    give_up(std::move(machine));
  }
  std::vector<std::string> known;
  for (const auto& machine : spec.machines) known.push_back(machine.config.name);
  if (known.empty()) co_return merge(names, FleetReport(name_), std::move(failed));
  FleetReport stopped = co_await stop(known, stop_options, options.progress);
  for (auto& machine : stopped.machines) {
    if (machine.error) give_up(std::move(machine));
  }
  forget_others(spec.machines);
  FleetReport started = co_await up(std::move(spec), std::move(options));
  co_return merge(names, std::move(started), std::move(failed));
}

}  // namespace vmfleet
