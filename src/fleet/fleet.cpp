// SPDX-License-Identifier: MIT
// Fleet: looking at machines, stopping and removing them.
#include <vmfleet/fleet/fleet.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include <fmt/format.h>

#include <vmfleet/async/task_group.hpp>
#include <vmfleet/base/home_directory.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/instance/state_root.hpp>
#include <vmfleet/qemu/validate.hpp>

#include "fleet/host_limits.hpp"
#include "fleet/names.hpp"
#include "fleet/operation.hpp"
#include "fleet/stop_order.hpp"

namespace vmfleet {

namespace {

std::vector<std::string> folders_in(const std::filesystem::path& directory) {
  std::vector<std::string> names;
  std::error_code error;
  const std::filesystem::directory_iterator entries(directory, error);
  if (error && error.value() != ENOENT && error.value() != ENOTDIR) {
    throw errno_error("look into " + directory.string(), error.value());
  }
  for (const auto& entry : entries) {
    if (entry.path().filename().string()[0] == '.') continue;  // the keys' folder
    if (entry.is_directory(error) && !entry.is_symlink(error)) {
      names.push_back(entry.path().filename().string());
    }
  }
  std::sort(names.begin(), names.end(), natural_less);
  return names;
}

enum class Running { may_be, must_not_be };

/// It may be there again, made anew.
bool was_removed(const std::filesystem::path& path, const Error& failed) {
  std::error_code ignored;
  const bool was_away = failed.kind() == ErrorKind::not_found &&
                        failed.message().find(path.string()) != std::string::npos;
  return was_away || !std::filesystem::exists(path, ignored);
}

/// Ends one machine, running or not; what goes wrong is in the report.
Task<void> stop_machine(std::filesystem::path path, StopOptions options, Running running,
                        MachineReport* report, Operation* operation) {
  const std::string name = path.filename().string();
  try {
    *report = inspect_machine(path);
    if (report->pid && running == Running::must_not_be) {
      throw Error(ErrorKind::conflict, fmt::format("{} runs", name))
          .hint("stop it first, or stop and remove it with `vmfleet down`");
    }
    operation->tell_of_lost_records(path);
    if (report->pid) operation->tell(name, MachineState::stopping);
    const StopReport stopped = co_await end_machine(path, options);
    if (stopped.rung != StopRung::already_stopped) report->exit = stopped.exit;
    report->pid.reset();
    report->ports.clear();
    report->error.reset();  // of its life; this operation succeeded
    if (report->state != MachineState::failed && report->state != MachineState::crashed) {
      report->state = MachineState::stopped;
    }
  } catch (const Error& error) {
    report->name = name;
    report->directory = path;
    report->error = error;
  }
  if (report->error && was_removed(path, *report->error)) {
    // Another command was quicker: what it did may be just what this one was to do.
    report->state = MachineState::stopped;
    report->error.reset();
    report->pid.reset();
    report->ports.clear();
    if (!options.remove) {
      report->error = Error(ErrorKind::conflict,
                            fmt::format("{} was removed by another command just now", name));
    }
  }
  operation->tell(name, report->state, report->error ? report->error->message() : "");
}

}  // namespace

Fleet::Fleet(std::filesystem::path state_root, std::string name)
    : root_(std::filesystem::absolute(state_root).lexically_normal()), name_(std::move(name)) {
  require_state_root(root_);
  if (is_valid_name(name_)) return;  // it becomes one component of a path
  throw Error(ErrorKind::invalid_config,
              fmt::format("'{}' cannot be the name of a fleet", sanitize(name_)))
      .hint("letters, digits, '.', '_' and '-', at most 63, beginning with a letter or digit");
}

std::vector<std::string> Fleet::select(const std::vector<std::string>& patterns) const {
  const auto names = folders_in(root_ / name_);
  if (names.empty() && !patterns.empty()) {
    const auto fleets = list_fleets(root_);
    throw Error(ErrorKind::not_found, fmt::format("no fleet '{}'", sanitize(name_)))
        .hint(fleets.empty() ? "start one with `vmfleet up`"
                             : "the fleets are: " + join(fleets, ", "));
  }
  return select_names(names, patterns);
}

std::filesystem::path Fleet::directory_of(const std::string& name) const {
  const auto selected = select({name});
  if (selected.size() != 1) {
    throw Error(ErrorKind::invalid_config, fmt::format("'{}' means {} machines, one is needed",
                                                       sanitize(name), selected.size()));
  }
  return root_ / name_ / selected.front();
}

FleetReport Fleet::status(const std::vector<std::string>& names) const {
  FleetReport report;
  report.fleet = name_;
  for (const auto& name : select(names)) {
    try {
      report.machines.push_back(inspect_machine(root_ / name_ / name));
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::not_found) continue;  // removed while we looked
      MachineReport& unreadable = report.machines.emplace_back();
      unreadable.name = name;
      unreadable.state = MachineState::failed;
      unreadable.directory = root_ / name_ / name;
      unreadable.error = error;
      unreadable.damaged = true;
    }
  }
  return report;
}

Task<FleetReport> Fleet::reconcile(std::vector<std::string> names) const {
  FleetReport report = status(names);
  for (MachineReport& machine : report.machines) {
    try {
      if (!machine.pid || !co_await recover_records(machine.directory)) continue;
      const MachineReport before = machine;
      machine = inspect_machine(before.directory);
      if (!before.damaged) continue;
      machine.error = before.error;
      machine.damaged = true;
    } catch (const Error&) {
      // It has ended meanwhile, or does not answer: what is known of it is reported.
    }
  }
  co_return report;
}

namespace {

/// In its turn: who depends on it may need it until the end.
Task<void> stop_in_order(std::filesystem::path path, StopOptions options, Running running,
                         MachineReport* report, Operation* operation, StopOrder* order) {
  const std::string name = path.filename().string();
  co_await order->await_turn(name);
  co_await stop_machine(std::move(path), options, running, report, operation);
  order->ended(name);
}

/// Ends the machines of one fleet, all at once but for what they depend on.
Task<FleetReport> end_all(std::filesystem::path folder, std::vector<std::string> names,
                          StopOptions options, Running running, ProgressObserver progress) {
  Loop& loop = co_await current_loop();
  Operation operation(loop, std::move(progress));
  require_descriptors(descriptors_for(names.size(), 0), names.size());
  FleetReport report;
  report.fleet = folder.filename().string();
  report.machines.resize(names.size());
  StopOrder order(folder, names);
  auto body = [&](TaskGroup& group) -> Task<void> {
    for (std::size_t i = 0; i < names.size(); ++i) {
      group.start(&stop_in_order, folder / names[i], options, running, &report.machines[i],
                  &operation, &order);
    }
    co_return;
  };
  co_await with_task_group(body);
  if (options.remove) {
    std::error_code ignored;  // it holds other machines, then
    std::filesystem::remove(folder, ignored);
  }
  report.elapsed = operation.elapsed();
  co_return report;
}

}  // namespace

Task<FleetReport> Fleet::stop(std::vector<std::string> names, StopOptions options,
                              ProgressObserver progress) {
  options.remove = false;
  return end_all(root_ / name_, select(names), options, Running::may_be, std::move(progress));
}

Task<FleetReport> Fleet::down(std::vector<std::string> names, StopOptions options,
                              ProgressObserver progress) {
  options.remove = true;
  return end_all(root_ / name_, select(names), options, Running::may_be, std::move(progress));
}

Task<FleetReport> Fleet::remove(std::vector<std::string> names, ProgressObserver progress) {
  StopOptions options;
  options.remove = true;
  return end_all(root_ / name_, select(names), options, Running::must_not_be, std::move(progress));
}

std::filesystem::path default_state_root() {
  const auto variable = [](const char* name) -> std::string {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
  };
  if (const auto root = variable("VMFLEET_STATE_DIR"); !root.empty()) {
    return std::filesystem::absolute(root);
  }
  // A relative one is invalid and must be ignored (XDG Base Directory Specification).
  if (const auto xdg = variable("XDG_STATE_HOME"); xdg[0] == '/') {
    return std::filesystem::path(xdg) / "vmfleet";
  }
  if (const auto home = home_directory()) return *home / ".local/state/vmfleet";
  throw Error(ErrorKind::invalid_config, "there is no home directory to keep state in")
      .hint("set --state-dir or VMFLEET_STATE_DIR");
}

std::vector<std::string> list_fleets(const std::filesystem::path& state_root) {
  return folders_in(state_root);
}

}  // namespace vmfleet
