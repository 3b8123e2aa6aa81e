// SPDX-License-Identifier: MIT
// One machine's way in an `up`: what is there is looked at, and what is missing started.
#include "fleet/converge_machine.hpp"

#include <utility>

#include <fmt/format.h>

#include <qemu/syntax.hpp>
#include <vmfleet/async/offload.hpp>
#include <vmfleet/async/semaphore.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/instance/intent.hpp>
#include <vmfleet/instance/locks.hpp>

#include "fleet/boot_watch.hpp"
#include "fleet/meanwhile.hpp"

namespace vmfleet {

namespace {

// A launch that stages no disks takes well under a second.
constexpr Milliseconds kOtherCommandLimit(30'000);
constexpr Milliseconds kRetry(50);

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

/// Of one that was given up: it may have become so since.
Task<bool> is_ready_after_all(Machine& machine) {
  try {
    co_await machine.wait_ready(Milliseconds(0));
    co_return true;
  } catch (const Error&) {
    // It is started anew.
  }
  co_return false;
}

class MachineConvergence {
 public:
  MachineConvergence(UpUnderWay& up, MachineSpec machine)
      : up_(up),
        machine_(std::move(machine)),
        name_(machine_.config.name),
        directory_(up.directory_of(name_)) {}

  Task<void> run(MachineReport* report) {
    report->name = name_;
    std::optional<Error> failed;
    try {
      co_await settle();
      if (up_.order->is_awaited(name_, DependencyCondition::completed)) co_await complete();
    } catch (const Error& error) {
      failed = error;
    }
    try {
      *report = inspect_machine(directory_);
    } catch (const Error& error) {
      if (!failed) failed = error;
    }
    if (failed) {
      failed = done_by_another(directory_, folder_, *failed).value_or(*failed);
      report->error = failed;
      report->state = MachineState::failed;
    }
    up_.operation.tell(name_, report->state, failed ? failed->message() : "");
    up_.order->finished(*report);
  }

 private:
  enum class Place {
    free,
    taken,  ///< by the very machine that is wanted
    busy,   ///< another command is starting or stopping it
  };

  /// Two of us may converge the same fleet: who comes second waits for what the first has begun.
  Task<void> settle() {
    up_.operation.tell_of_lost_records(directory_);
    if (!machine_.depends_on.empty()) {
      // One that is there already needs nothing to be started.
      if (co_await make_way() == Place::taken) co_return;
      co_await await_turn();
    }
    const TimePoint deadline = up_.loop.now() + kOtherCommandLimit;
    for (;;) {
      const Place place = co_await make_way();
      if (place == Place::taken) co_return;
      if (place == Place::free && co_await started(deadline)) co_return;
      if (up_.loop.now() >= deadline) {
        throw Error(ErrorKind::conflict, fmt::format("another command keeps starting {}", name_))
            .hint("wait for it to finish, or end it");
      }
      co_await sleep_for(kRetry);
    }
  }

  Task<void> await_turn() {
    const auto tell = [this](std::string_view what) {
      up_.operation.tell(name_, MachineState::created, what);
    };
    return up_.order->await_turn(machine_, tell);
  }

  Task<Place> make_way() {
    std::optional<MachineReport> existing;
    try {
      existing = inspect_machine(directory_);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::not_found) throw;
    }
    if (!existing) co_return Place::free;
    if (existing->state == MachineState::starting &&
        OperationLock::held(InstanceDirectory::open(directory_))) {
      co_return Place::busy;
    }
    if (!existing->pid) co_return Place::free;
    const bool recovered = co_await recover_records(directory_);
    if (recovered) existing = inspect_machine(directory_);
    folder_ = InstanceDirectory::open(directory_);
    const auto intent = read_intent(*folder_);
    if (!intent && OperationLock::held(*folder_)) co_return Place::busy;  // it is being written
    auto fit = [&] { return disks_fit(machine_.config, directory_, up_.options.verify); };
    bool same = intent && intent->spec_hash == machine_.hash;
    if (same && up_.options.recreate) same = co_await offload(fit);
    Machine running = co_await Machine::adopt(directory_);  // which starts a lost log keeper
    if (same && existing->good()) co_return Place::taken;
    if (same && existing->state == MachineState::booting) {
      co_await watch_boot(up_, running);
      co_return Place::taken;
    }
    if (same && existing->state == MachineState::paused) co_return Place::taken;
    if (same && existing->state == MachineState::failed) {
      const bool ready = co_await is_ready_after_all(running);
      if (ready) co_return Place::taken;
    }
    if (!same && !up_.options.recreate) throw is_another(intent);
    // What it cannot be started with is better known before it is stopped.
    co_await Machine::plan(machine_.config, up_.root);
    up_.operation.tell(name_, MachineState::stopping);
    co_await running.stop(StopOptions());
    co_return Place::free;
  }

  [[nodiscard]] Error is_another(const std::optional<Intent>& running) const {
    if (!running || running->rebuilt) return lost_intent(InstanceDirectory::open(directory_));
    const std::string folder(running->spec.text("folder"));
    if (!folder.empty() && folder != machine_.source.text("folder")) {
      return Error(ErrorKind::conflict,
                   fmt::format("{} runs for the fleet \"{}\" of {}", name_, up_.fleet, folder))
          .hint("give one of the two another name: fleet = \"…\" in its file, or -p");
    }
    return Error(ErrorKind::conflict, fmt::format("{} runs with another configuration", name_))
        .hint("replace it with --recreate, or stop it first");
  }

  /// False when another command has come first.
  Task<bool> started(TimePoint deadline) {
    try {
      if (machine_.clone != Cloned::no) co_await choose_template();
      co_await take_slot();
      co_await start();
    } catch (const Error& error) {
      if (up_.loop.now() >= deadline || !may_be_tried_again(error)) throw;
      co_return false;
    }
    co_return true;
  }

  Task<void> choose_template() {
    slot_.reset();  // of a start that is tried again: to make the template takes one
    auto look = [&] { return has_disk(machine_, directory_, up_.options.recreate); };
    bool keeps_disk = false;
    try {
      keeps_disk = co_await offload(look);
    } catch (const Error&) {
      // The launch tells what is wrong with them.
    }
    if (keeps_disk) {
      up_.cloning.warn(machine_, kHasDisk);
      co_return;
    }
    original_ = co_await up_.cloning.template_for(machine_, *up_.slots);
  }

  Task<void> take_slot() {
    if (slot_) co_return;
    Semaphore& slots = original_ ? *up_.clone_slots : *up_.slots;
    if (slots.available() == 0) {
      up_.operation.tell(name_, MachineState::created, "waiting until others are up");
    }
    slot_.emplace(co_await slots.acquire());
  }

  [[nodiscard]] bool may_be_tried_again(const Error& error) const {
    // Of an ephemeral machine that failed nothing stays.
    std::error_code ignored;
    const bool conflict = error.kind() == ErrorKind::conflict;
    const bool is_gone =
        up_.lifetime == Lifetime::detached && !std::filesystem::exists(directory_, ignored);
    if (is_gone && (conflict || error.kind() == ErrorKind::not_found)) return true;
    return conflict && is_worked_on();
  }

  [[nodiscard]] bool is_worked_on() const {
    const auto state = inspect_machine(directory_).state;
    return state != MachineState::stopped && state != MachineState::crashed &&
           state != MachineState::failed && state != MachineState::created;
  }

  Task<void> start() {
    const LaunchOptions launch = launch_options();  // when it is started again, it boots
    Machine launched = co_await cloned_or_booted(launch);
    Machine& running = up_.started.emplace_back(std::move(launched));
    folder_ = InstanceDirectory::open(directory_);
    if (const std::string next = next_step(machine_.config); !next.empty()) {
      up_.operation.tell("", MachineState::starting, fmt::format("{}: {}", name_, next));
    }
    if (machine_.config.paused) co_return;  // who lets it run waits for it, if anybody does
    co_await watch_own_boot(up_, running, machine_, launch);
  }

  /// What goes wrong with a clone, a boot may do.
  Task<Machine> cloned_or_booted(LaunchOptions launch) {
    if (original_) {
      launch.clone_of = original_;
      try {
        co_return co_await Machine::launch(machine_.config, launch);
      } catch (const Error& error) {
        if (error.kind() == ErrorKind::conflict) throw;
        warn(fmt::format("it is booted, for it could not be cloned: {}", error.message()));
        if (error.kind() != ErrorKind::host_unfit) up_.cloning.distrust(*original_);
      }
      launch.clone_of.reset();
      original_.reset();
      slot_.reset();
      co_await take_slot();
    }
    co_return co_await Machine::launch(machine_.config, launch);
  }

  /// Of the fleet: among a machine's steps it would be shown for a moment, or not at all.
  void warn(std::string_view what) const {
    up_.operation.tell("", MachineState::starting, fmt::format("warning: {}: {}", name_, what));
  }

  [[nodiscard]] LaunchOptions launch_options() const {
    LaunchOptions launch;
    launch.state_root = up_.root;
    launch.lifetime = up_.lifetime;
    launch.readiness = machine_.ready;
    launch.spec_hash = machine_.hash;
    launch.spec = machine_.source;
    launch.labels = machine_.labels;
    if (machine_.stop_grace) launch.stop_grace = *machine_.stop_grace;
    launch.log_limit = machine_.log_limit;
    if (machine_.ssh) launch.ssh.emplace(machine_.ssh->user, machine_.ssh->key);
    launch.remake_disks = up_.options.recreate;
    launch.verify_disks = up_.options.verify;
    launch.on_warning = [this](std::string_view what) { warn(what); };
    launch.on_step = [this](std::string_view step) {
      const bool boots = step == "booting";
      up_.operation.tell(name_, boots ? MachineState::booting : MachineState::starting, step);
    };
    return launch;
  }

  /// Who waits for its end may boot meanwhile.
  Task<void> complete() {
    slot_.reset();
    const MachineReport now = inspect_machine(directory_);
    if (now.pid) up_.operation.tell(name_, now.state, "until it has completed");
    up_.order->reached(name_, DependencyCondition::ready);
    co_await watch_completion(up_, machine_);
  }

  UpUnderWay& up_;
  MachineSpec machine_;
  std::string name_;
  std::filesystem::path directory_;
  std::optional<MachineTemplate> original_;  ///< that it is cloned from
  std::optional<InstanceDirectory> folder_;  ///< of the life that is waited for
  std::optional<Semaphore::Permit> slot_;    ///< until the outcome was told
};

}  // namespace

Task<void> converge_machine(UpUnderWay& up, MachineSpec machine, MachineReport* report) {
  MachineConvergence convergence(up, std::move(machine));
  co_await convergence.run(report);
}

}  // namespace vmfleet
