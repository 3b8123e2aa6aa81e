// SPDX-License-Identifier: MIT
// Fleet::up: converging a fleet to its specification.
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include <vmfleet/async/offload.hpp>
#include <vmfleet/async/task_group.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/fleet/fleet.hpp>

#include "fleet/admission.hpp"
#include "fleet/cloning.hpp"
#include "fleet/completion.hpp"
#include "fleet/converge_machine.hpp"
#include "fleet/dependencies.hpp"
#include "fleet/host_limits.hpp"
#include "fleet/meanwhile.hpp"
#include "fleet/up_under_way.hpp"

namespace vmfleet {

namespace {

constexpr Milliseconds kCleanupLimit(60'000);

/// One `up` of a whole fleet.
class Convergence {
 public:
  Convergence(Loop& loop, std::filesystem::path root, std::string fleet, UpOptions options,
              Lifetime lifetime)
      : up_(loop, std::move(root), std::move(fleet), lifetime, std::move(options)) {}

  Task<FleetReport> run(FleetSpec spec) {
    HostLoad load;
    load.look();
    Completion completion(up_.root, up_.fleet, up_.operation, Completion::Keys::make);
    std::vector<MachineSpec> machines = co_await completion.run(std::move(spec), up_.options);
    load.look();
    const UpPlan plan = plan_up(up_.root / up_.fleet, machines, up_.options, load);
    require_room(plan);
    require_disk_room(up_.root, size_of_copies(machines), plan.to_start.size());
    up_.slots.emplace(plan.boots_at_once);
    up_.clone_slots.emplace(plan.clones_at_once);
    up_.order.emplace(machines);
    FleetReport report;
    report.fleet = up_.fleet;
    report.machines.resize(machines.size());
    auto body = [&](TaskGroup& group) -> Task<void> {
      for (std::size_t i = 0; i < machines.size(); ++i) {
        auto converge = [this, machine = machines[i], slot = &report.machines[i]]() {
          return converge_machine(up_, machine, slot);
        };
        group.start(converge);
      }
      co_return;
    };
    bool cancelled = false;
    try {
      co_await with_task_group(body);
    } catch (const Cancelled&) {
      cancelled = true;
    }
    up_.cloning.forget_distrusted();
    if (cancelled) {
      co_await shielded(kCleanupLimit, undo());
      throw Cancelled();
    }
    for (auto& machine : report.machines) {
      look_again(machine);
      for (const auto& warning : machine.warnings) {
        up_.operation.tell("", machine.state,
                           fmt::format("warning: {}: {}", machine.name, warning));
      }
    }
    report.elapsed = up_.operation.elapsed();
    co_return report;
  }

  /// What this call started.
  std::vector<Machine> take_started() {
    return std::vector<Machine>(std::make_move_iterator(up_.started.begin()),
                                std::make_move_iterator(up_.started.end()));
  }

 private:
  /// What a machine has of an earlier start is there already.
  [[nodiscard]] Bytes size_of_copies(const std::vector<MachineSpec>& machines) const {
    std::uint64_t size = 0;
    for (const auto& machine : machines) {
      if (std::filesystem::exists(up_.directory_of(machine.config.name))) continue;
      for (const Disk& disk : machine.config.disks) {
        struct stat status {};
        const bool copied = disk.mode == DiskMode::copy && ::stat(disk.file.c_str(), &status) == 0;
        if (copied) size += static_cast<std::uint64_t>(status.st_blocks) * 512;
      }
    }
    return Bytes(size);
  }

  /// While others were waited for, somebody may have ended or removed it.
  void look_again(MachineReport& report) const {
    if (report.error) return;
    const std::string name = report.name;
    try {
      report = inspect_machine(up_.directory_of(name));
      if (auto stopped = stopped_by_another(report)) report.error = std::move(stopped);
    } catch (const Error& error) {
      report.error = error;
      if (error.kind() == ErrorKind::not_found) {
        report.error = removed_by_another(up_.directory_of(name));
      }
      report.state = MachineState::failed;
      report.pid.reset();
      report.ports.clear();
    }
  }

  /// What this call started is gone afterwards, and what was there before still is.
  /// *Errors*: `conflict`, naming the machines that could not be undone.
  Task<void> undo() {
    std::vector<std::string> left;
    auto body = [&](TaskGroup& group) -> Task<void> {
      for (auto& machine : up_.started) group.start(&undo_one, &machine, &left);
      co_return;
    };
    co_await with_task_group(body);
    std::error_code ignored;  // it holds other machines, then
    std::filesystem::remove(up_.root / up_.fleet, ignored);
    if (left.empty()) co_return;
    throw Error(ErrorKind::conflict,
                fmt::format("interrupted, and {} of {} started machines remain", left.size(),
                            up_.started.size()))
        .evidence_lines(left)
        .hint("look at them with `vmfleet ps`, remove them with `vmfleet down`");
  }

  static Task<void> undo_one(Machine* machine, std::vector<std::string>* left) {
    try {
      co_await machine->undo_launch();
    } catch (const Error& error) {
      left->push_back(fmt::format("{}: {}", machine->name(), error.message()));
    }
  }

  UpUnderWay up_;
};

}  // namespace

Task<FleetReport> Fleet::up(FleetSpec spec, UpOptions options) {
  Loop& loop = co_await current_loop();
  Convergence convergence(loop, root_, name_, std::move(options), Lifetime::detached);
  co_return co_await convergence.run(std::move(spec));
}

Task<EphemeralFleet> Fleet::up_ephemeral(FleetSpec spec, UpOptions options) {
  Loop& loop = co_await current_loop();
  Convergence convergence(loop, root_, name_, std::move(options), Lifetime::ephemeral);
  EphemeralFleet fleet;
  fleet.report = co_await convergence.run(std::move(spec));
  fleet.machines = convergence.take_started();
  co_return fleet;
}

Task<UpPlan> Fleet::dry_run(FleetSpec spec, UpOptions options) {
  Loop& loop = co_await current_loop();
  const Operation operation(loop, options.progress);
  HostLoad load;
  load.look();
  Completion completion(root_, name_, operation, Completion::Keys::assume);
  std::vector<MachineSpec> machines = co_await completion.run(std::move(spec), options);
  sort_by_dependencies(machines);
  load.look();
  UpPlan plan = plan_up(root_ / name_, machines, options, load);
  const auto look = [&] { look_at_clones(plan, machines, root_ / name_, options.recreate); };
  co_await offload(look);
  for (const auto& machine : machines) {
    CommandLine line = co_await Machine::plan(machine.config, root_);
    plan.commands.push_back(std::move(line));
  }
  co_return plan;
}

}  // namespace vmfleet
