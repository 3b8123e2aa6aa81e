// SPDX-License-Identifier: MIT
// Fleet::up: converging a fleet to its specification.
#include <algorithm>
#include <iterator>
#include <list>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include <qemu/syntax.hpp>
#include <vmfleet/async/offload.hpp>
#include <vmfleet/async/semaphore.hpp>
#include <vmfleet/async/task_group.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/fleet/fleet.hpp>
#include <vmfleet/instance/intent.hpp>
#include <vmfleet/instance/locks.hpp>

#include "fleet/completion.hpp"
#include "fleet/dependencies.hpp"
#include "fleet/host_limits.hpp"
#include "fleet/operation.hpp"
#include "fleet/restart_policy.hpp"
#include "fleet/start_order.hpp"

namespace vmfleet {

namespace {

constexpr Milliseconds kCleanupLimit(60'000);
// A launch that stages no disks takes well under a second.
constexpr Milliseconds kOtherCommandLimit(30'000);
constexpr Milliseconds kRetry(50);

/// As many as there are processors: an emulated boot keeps one busy from beginning to end, and
/// machines that share one all become ready late. *Source*: tests/bench/boot_bench.py.
std::size_t default_max_boot() {
  return std::max<std::size_t>(std::thread::hardware_concurrency(), 1);
}

/// What to do next with a machine that waits for somebody; "" when it does not.
std::string next_step(const MachineConfig& config) {
  std::string step;
  if (!config.gdb.empty()) {
    step =
        fmt::format("attach with gdb -ex 'target remote {}'", qemu::GdbAddress(config.gdb).target);
  }
  if (config.paused) {
    step += fmt::format("{}let it run with `vmfleet resume -p {} {}`", step.empty() ? "" : ", ",
                        config.fleet, config.name);
  }
  return step;
}

/// One `up` under way.
class Convergence {
 public:
  Convergence(Loop& loop, std::filesystem::path root, std::string fleet, UpOptions options,
              Lifetime lifetime)
      : loop_(loop),
        root_(std::move(root)),
        fleet_(std::move(fleet)),
        lifetime_(lifetime),
        options_(std::move(options)),
        operation_(loop, options_.progress),
        slots_(options_.max_boot > 0 ? options_.max_boot : default_max_boot()) {}

  Task<FleetReport> run(FleetSpec spec) {
    Completion completion(root_, fleet_, operation_, Completion::Keys::make);
    std::vector<MachineSpec> machines = co_await completion.run(std::move(spec), options_);
    require_room(machines);
    order_.emplace(machines);
    FleetReport report;
    report.fleet = fleet_;
    report.machines.resize(machines.size());
    auto body = [&](TaskGroup& group) -> Task<void> {
      for (std::size_t i = 0; i < machines.size(); ++i) {
        auto converge = [this, machine = machines[i], slot = &report.machines[i]]() {
          return converge_one(machine, slot);
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
    if (cancelled) {
      co_await shielded(kCleanupLimit, undo());
      throw Cancelled();
    }
    for (auto& machine : report.machines) look_again(machine);
    report.elapsed = operation_.elapsed();
    co_return report;
  }

  /// What this call started.
  std::vector<Machine> take_started() {
    return std::vector<Machine>(std::make_move_iterator(started_.begin()),
                                std::make_move_iterator(started_.end()));
  }

 private:
  [[nodiscard]] std::filesystem::path directory_of(const std::string& name) const {
    return root_ / fleet_ / name;
  }

  /// Before the first spawn: a host that cannot hold the fleet is not driven into the ground.
  void require_room(const std::vector<MachineSpec>& machines) const {
    std::uint64_t wanted = 0;
    std::size_t missing = 0;
    for (const auto& machine : machines) {
      if (runs(machine.config.name)) continue;
      wanted += machine.config.memory.count();
      ++missing;
    }
    require_host_room(Bytes(wanted), missing);
  }

  [[nodiscard]] bool runs(const std::string& name) const {
    try {
      return inspect_machine(directory_of(name)).pid.has_value();
    } catch (const Error&) {
      return false;
    }
  }

  /// Never throws an `Error`: what goes wrong with a machine is in its report.
  Task<void> converge_one(MachineSpec machine, MachineReport* report) {
    const std::string name = machine.config.name;
    report->name = name;
    std::optional<Error> failed;
    std::optional<Semaphore::Permit> slot;  // until the outcome was told
    try {
      co_await settle(machine, slot);
      if (order_->is_awaited(name, DependencyCondition::completed)) {
        co_await complete(machine, slot);
      }
    } catch (const Error& error) {
      failed = error;
    }
    try {
      *report = inspect_machine(directory_of(name));
    } catch (const Error& error) {
      if (!failed) failed = error;
    }
    if (failed) {
      report->error = failed;
      report->state = MachineState::failed;
    }
    operation_.tell(name, report->state, failed ? failed->message() : "");
    order_->finished(*report);
  }

  /// While others were waited for, somebody may have ended or removed it.
  void look_again(MachineReport& report) const {
    if (report.error) return;
    const std::string name = report.name;
    try {
      report = inspect_machine(directory_of(name));
    } catch (const Error& error) {
      report.error = error;
      if (error.kind() == ErrorKind::not_found) {
        report.error = Error(ErrorKind::exited, fmt::format("{} was removed meanwhile", name));
      }
      report.state = MachineState::failed;
      report.pid.reset();
      report.ports.clear();
    }
  }

  /// Two of us may converge the same fleet: who comes second waits for what the first has begun.
  Task<void> settle(MachineSpec& machine, std::optional<Semaphore::Permit>& slot) {
    if (!machine.depends_on.empty()) {
      // One that is there already needs nothing to be started.
      if (co_await make_way(machine) == Place::taken) co_return;
      co_await await_turn(machine);
    }
    const TimePoint deadline = loop_.now() + kOtherCommandLimit;
    for (;;) {
      const Place place = co_await make_way(machine);
      if (place == Place::taken) co_return;
      if (place == Place::free && co_await started(machine, slot, deadline)) co_return;
      if (loop_.now() >= deadline) {
        throw Error(ErrorKind::conflict,
                    fmt::format("another command keeps starting {}", machine.config.name))
            .hint("wait for it to finish, or end it");
      }
      co_await sleep_for(kRetry);
    }
  }

  Task<void> await_turn(const MachineSpec& machine) {
    const auto tell = [&](std::string_view what) {
      operation_.tell(machine.config.name, MachineState::created, what);
    };
    return order_->await_turn(machine, tell);
  }

  /// False when another command has come first.
  Task<bool> started(MachineSpec& machine, std::optional<Semaphore::Permit>& slot,
                     TimePoint deadline) {
    try {
      if (!slot && slots_.available() == 0) {
        operation_.tell(machine.config.name, MachineState::created, "waiting until others are up");
      }
      if (!slot) slot.emplace(co_await slots_.acquire());
      co_await start(machine);
    } catch (const Error& error) {
      const bool late = loop_.now() >= deadline;
      if (error.kind() != ErrorKind::conflict || late || !is_worked_on(machine)) throw;
      co_return false;
    }
    co_return true;
  }

  [[nodiscard]] bool is_worked_on(const MachineSpec& machine) const {
    const auto state = inspect_machine(directory_of(machine.config.name)).state;
    return state != MachineState::stopped && state != MachineState::crashed &&
           state != MachineState::failed && state != MachineState::created;
  }

  enum class Place {
    free,
    taken,  ///< by the very machine that is wanted
    busy,   ///< another command is starting or stopping it
  };

  Task<Place> make_way(MachineSpec& machine) {
    const auto directory = directory_of(machine.config.name);
    std::optional<MachineReport> existing;
    try {
      existing = inspect_machine(directory);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::not_found) throw;
    }
    if (!existing) co_return Place::free;
    if (existing->state == MachineState::starting &&
        OperationLock::held(InstanceDirectory::open(directory))) {
      co_return Place::busy;
    }
    if (!existing->pid) co_return Place::free;
    const auto intent = read_intent(InstanceDirectory::open(directory));
    auto fit = [&] { return disks_fit(machine.config, directory, options_.verify); };
    bool same = intent && intent->spec_hash == machine.hash;
    if (same && options_.recreate) same = co_await offload(fit);
    if (same && existing->good()) co_return Place::taken;
    Machine running = co_await Machine::adopt(directory);
    if (same && existing->state == MachineState::booting) {
      co_await watch_boot(running);
      co_return Place::taken;
    }
    if (same && existing->state == MachineState::paused) co_return Place::taken;
    if (!same && !options_.recreate) throw is_another(machine, intent);
    operation_.tell(machine.config.name, MachineState::stopping);
    co_await running.stop(StopOptions());
    co_return Place::free;
  }

  /// As far as anybody is interested in it.
  Task<void> watch_boot(Machine& machine) {
    order_->reached(machine.name(), DependencyCondition::started);
    const bool awaited = order_->is_awaited(machine.name(), DependencyCondition::ready);
    if (options_.wait || awaited) co_await machine.wait_ready();
  }

  /// Waits for the end that others wait for; who does not may boot meanwhile.
  Task<void> complete(const MachineSpec& machine, std::optional<Semaphore::Permit>& slot) {
    const std::string& name = machine.config.name;
    slot.reset();
    const MachineReport now = inspect_machine(directory_of(name));
    if (now.pid) operation_.tell(name, now.state, "until it has completed");
    order_->reached(name, DependencyCondition::ready);
    const auto is_it = [&](const Machine& one) { return one.name() == name; };
    const auto ours = std::find_if(started_.begin(), started_.end(), is_it);
    if (ours != started_.end()) {
      co_await end_if_failed(*ours, wait_completed(*ours, machine));
      co_return;
    }
    Machine adopted = co_await Machine::adopt(directory_of(name));
    co_await wait_completed(adopted, machine);
  }

  Task<void> wait_completed(Machine& running, const MachineSpec& machine) {
    Readiness end;
    end.exit = true;
    end.timeout = machine.ready.timeout;
    end.fail = machine.ready.fail;
    co_await running.wait_for(std::move(end));
    co_await running.wait_exit();  // which records how it ended
    order_->reached(machine.config.name, DependencyCondition::completed);
  }

  [[nodiscard]] Error is_another(const MachineSpec& machine,
                                 const std::optional<Intent>& running) const {
    const std::string& name = machine.config.name;
    const std::string folder(running ? running->spec.text("folder") : "");
    if (!folder.empty() && folder != machine.source.text("folder")) {
      return Error(ErrorKind::conflict,
                   fmt::format("{} runs for the fleet \"{}\" of {}", name, fleet_, folder))
          .hint("give one of the two another name: fleet = \"…\" in its file, or -p");
    }
    return Error(ErrorKind::conflict, fmt::format("{} runs with another configuration", name))
        .hint("replace it with --recreate, or stop it first");
  }

  Task<void> start(MachineSpec machine) {
    const std::string name = machine.config.name;
    LaunchOptions launch;
    launch.state_root = root_;
    launch.lifetime = lifetime_;
    launch.readiness = machine.ready;
    launch.spec_hash = machine.hash;
    launch.spec = machine.source;
    launch.labels = machine.labels;
    if (machine.stop_grace) launch.stop_grace = *machine.stop_grace;
    if (machine.ssh) launch.ssh.emplace(machine.ssh->user, machine.ssh->key);
    launch.remake_disks = options_.recreate;
    launch.verify_disks = options_.verify;
    launch.on_warning = [this, name](std::string_view what) {
      // Of the fleet: among a machine's steps it would be shown for a moment, or not at all.
      operation_.tell("", MachineState::starting, fmt::format("warning: {}: {}", name, what));
    };
    launch.on_step = [this, name](std::string_view step) {
      const bool boots = step == "booting";
      operation_.tell(name, boots ? MachineState::booting : MachineState::starting, step);
    };
    Machine launched = co_await Machine::launch(machine.config, launch);
    Machine& running = started_.emplace_back(std::move(launched));
    if (const std::string next = next_step(machine.config); !next.empty()) {
      operation_.tell("", MachineState::starting, fmt::format("{}: {}", name, next));
    }
    if (machine.config.paused) co_return;  // who lets it run waits for it, if anybody does
    co_await end_if_failed(running, watch_boots(running, machine, std::move(launch)));
  }

  /// Until it is ready or its policy has had its time.
  Task<void> watch_boots(Machine& running, const MachineSpec& machine, LaunchOptions launch) {
    const TimePoint deadline = deadline_after(loop_.now(), machine.ready.timeout);
    BackOff back_off;
    for (;;) {
      std::optional<Error> failed;
      try {
        co_await watch_boot(running);
      } catch (const Error& error) {
        failed = error;
      }
      if (!failed) co_return;
      const bool again = co_await is_to_restart(running, machine, *failed);
      const Milliseconds wait = back_off.next();
      if (!again || loop_.now() + wait >= deadline) throw *failed;
      operation_.tell(machine.config.name, MachineState::crashed,
                      describe_restart(failed->message(), back_off.count(), wait));
      co_await sleep_for(wait);
      launch.readiness.timeout = std::chrono::duration_cast<Milliseconds>(deadline - loop_.now());
      co_await running.relaunch(machine.config, launch);
    }
  }

  /// A guest that has panicked may still be there; it is not then.
  Task<bool> is_to_restart(Machine& running, const MachineSpec& machine, const Error& failed) {
    if (machine.restart == RestartPolicy::no || failed.kind() != ErrorKind::exited) co_return false;
    const StopReport stopped = co_await running.stop(StopOptions::kill());
    if (stopped.rung != StopRung::already_stopped) co_return true;
    ExitReport exit = co_await running.wait_exit();
    exit = with_request(std::move(exit), running.directory());
    co_return should_restart(machine.restart, exit, machine.config.exit_codes);
  }

  /// Of a machine that this call started.
  Task<void> end_if_failed(Machine& running, Task<void> watch) {
    std::optional<Error> failed;
    try {
      co_await std::move(watch);
    } catch (const Error& error) {
      failed = error;
    }
    if (!failed) co_return;
    if (!options_.keep_failed) co_await stop_failed(running, *failed);
    throw *failed;
  }

  /// Why it did not become ready matters more than why it could not be stopped.
  static Task<void> stop_failed(Machine& machine, Error& failed) {
    try {
      co_await machine.stop(StopOptions::kill());
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::not_found) co_return;  // somebody has removed it
      static_cast<void>(
          std::move(failed).evidence(fmt::format("and it was not stopped: {}", error.message())));
    }
  }

  /// What this call started is gone afterwards, and what was there before still is.
  /// *Errors*: `conflict`, naming the machines that could not be undone.
  Task<void> undo() {
    std::vector<std::string> left;
    auto body = [&](TaskGroup& group) -> Task<void> {
      for (auto& machine : started_) group.start(&undo_one, &machine, &left);
      co_return;
    };
    co_await with_task_group(body);
    std::error_code ignored;  // it holds other machines, then
    std::filesystem::remove(root_ / fleet_, ignored);
    if (left.empty()) co_return;
    throw Error(ErrorKind::conflict,
                fmt::format("interrupted, and {} of {} started machines remain", left.size(),
                            started_.size()))
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

  Loop& loop_;
  std::filesystem::path root_;
  std::string fleet_;
  Lifetime lifetime_;
  UpOptions options_;
  Operation operation_;
  Semaphore slots_;
  std::optional<StartOrder> order_;
  std::list<Machine> started_;  ///< by this call
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

Task<std::vector<CommandLine>> Fleet::dry_run(FleetSpec spec, UpOptions options) {
  Loop& loop = co_await current_loop();
  const Operation operation(loop, options.progress);
  Completion completion(root_, name_, operation, Completion::Keys::assume);
  std::vector<MachineSpec> machines = co_await completion.run(std::move(spec), options);
  sort_by_dependencies(machines);
  std::vector<CommandLine> lines;
  for (const auto& machine : machines) {
    CommandLine line = co_await Machine::plan(machine.config, root_);
    lines.push_back(std::move(line));
  }
  co_return lines;
}

}  // namespace vmfleet
