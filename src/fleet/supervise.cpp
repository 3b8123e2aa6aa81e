// SPDX-License-Identifier: MIT
// Fleet::supervise: machines that end are started again, as their policies say.
#include <memory>
#include <utility>

#include <vmfleet/async/task_group.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/fleet/fleet.hpp>

#include "fleet/operation.hpp"
#include "fleet/restart_policy.hpp"

namespace vmfleet {

namespace {

/// What another attempt may overcome.
bool may_pass(ErrorKind kind) {
  return kind == ErrorKind::exited || kind == ErrorKind::timed_out ||
         kind == ErrorKind::unavailable || kind == ErrorKind::disconnected;
}

/// One machine of an ephemeral fleet.
class Supervision {
 public:
  Supervision(Loop& loop, Fleet fleet, const FleetSpec& spec, const UpOptions& options,
              const Operation& operation, EphemeralFleet& held, std::size_t index)
      : loop_(loop),
        fleet_(std::move(fleet)),
        spec_(spec),
        options_(options),
        operation_(operation),
        held_(held),
        index_(index),
        name_(held.machines[index].name()) {}

  Task<void> run() {
    const MachineSpec* machine = find_spec();
    if (machine == nullptr || machine->restart == RestartPolicy::no) co_return;
    for (;;) {
      const TimePoint since = loop_.now();
      ExitReport exit = co_await held_.machines[index_].wait_exit();
      exit = with_request(std::move(exit), held_.machines[index_].directory());
      if (!should_restart(machine->restart, exit, machine->config.exit_codes)) co_return;
      if (loop_.now() - since >= BackOff::kSteady) back_off_.reset();
      const bool again = co_await start_again(std::move(exit.reason));
      if (!again) co_return;
    }
  }

 private:
  [[nodiscard]] const MachineSpec* find_spec() const {
    for (const auto& machine : spec_.machines) {
      if (machine.config.name == name_) return &machine;
    }
    return nullptr;
  }

  /// False when it is not ours any more, or cannot be started.
  Task<bool> start_again(std::string why) {
    for (;;) {
      const Milliseconds wait = back_off_.next();
      operation_.tell(name_, MachineState::crashed, describe_restart(why, back_off_.count(), wait));
      co_await sleep_for(wait);
      const MachineReport now = co_await launch();
      if (now.error) why = now.error->message();
      operation_.tell(name_, now.state, now.error ? why : std::string());
      if (!now.error) co_return launched_;
      if (!may_pass(now.error->kind())) co_return false;
    }
  }

  /// Its disks and ports are those of the machine that it replaces.
  Task<MachineReport> launch() {
    launched_ = false;
    MachineReport report;
    report.name = name_;
    report.state = MachineState::failed;
    try {
      FleetSpec spec = spec_;
      UpOptions options = options_;
      options.names = {name_};
      EphemeralFleet again = co_await fleet_.up_ephemeral(std::move(spec), std::move(options));
      if (!again.machines.empty()) {
        held_.machines[index_] = std::move(again.machines.front());
        launched_ = true;
      }
      report = again.report.machines.at(0);
    } catch (const Error& error) {
      report.error = error;
    }
    for (auto& known : held_.report.machines) {
      if (known.name == name_) known = report;
    }
    co_return report;
  }

  Loop& loop_;
  Fleet fleet_;
  const FleetSpec& spec_;
  const UpOptions& options_;
  const Operation& operation_;
  EphemeralFleet& held_;
  std::size_t index_;
  std::string name_;
  BackOff back_off_;
  bool launched_ = false;  ///< by the last attempt, ready or not
};

}  // namespace

Task<void> Fleet::supervise(EphemeralFleet& fleet, FleetSpec spec, UpOptions options) {
  Loop& loop = co_await current_loop();
  const Operation operation(loop, std::exchange(options.progress, {}));
  // Machines start alone now: what they depend on was there, and comes back by its own policy.
  for (auto& machine : spec.machines) machine.depends_on.clear();
  options.cloned = Cloned::no;  // what made one end may be in its template, too
  auto body = [&](TaskGroup& group) -> Task<void> {
    for (std::size_t i = 0; i < fleet.machines.size(); ++i) {
      auto one = std::make_unique<Supervision>(loop, *this, spec, options, operation, fleet, i);
      auto watch = [one = std::move(one)]() { return one->run(); };
      group.start(std::move(watch));
    }
    co_return;
  };
  co_await with_task_group(body);
}

}  // namespace vmfleet
