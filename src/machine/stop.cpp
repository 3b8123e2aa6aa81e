// SPDX-License-Identifier: MIT
// The stop ladder.
#include <vmfleet/machine/stop.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>

#include <fmt/format.h>

#include <vmfleet/async/offload.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/async/when.hpp>
#include <vmfleet/instance/intent.hpp>
#include <vmfleet/instance/locks.hpp>
#include <vmfleet/instance/log_keeper.hpp>
#include <vmfleet/qmp/commands.hpp>

#include "machine/exit_report.hpp"
#include "machine/held_guest.hpp"
#include "machine/live.hpp"
#include "machine/staged_record.hpp"

namespace vmfleet {

namespace {

// Alone, without its guest, QEMU ends in a few milliseconds.
constexpr Milliseconds kHurriedPatience(500);

/// One stop under way.
class Ladder {
 public:
  Ladder(Machine::Live& live, StopOptions options) : live_(live), options_(options) {}

  Task<StopRung> climb() {
    if (live_.pidfd().ended()) co_return StopRung::already_stopped;
    const Milliseconds grace = co_await grace_of_guest();
    if (grace.count() > 0) {
      const bool ended = co_await ends(ask(&qmp::system_powerdown), grace, Milliseconds(0));
      if (ended) co_return StopRung::powerdown;
    }
    const Milliseconds patience = options_.patience;
    if (patience.count() > 0) {
      if (co_await ends(ask(&qmp::quit), patience, kHurriedPatience)) co_return StopRung::quit;
      live_.pidfd().signal(SIGTERM);
      if (co_await ends(wait_end(), patience, kHurriedPatience)) co_return StopRung::sigterm;
    }
    live_.pidfd().signal(SIGKILL);
    co_await live_.wait_end();
    co_return StopRung::sigkill;
  }

 private:
  using Command = Task<void> (*)(qmp::Client&);

  /// How long the guest may take to shut down; 0: it need not be asked.
  Task<Milliseconds> grace_of_guest() {
    const Milliseconds whole = options_.grace.value_or(Milliseconds(live_.intent.stop_grace_ms));
    const bool hurried = options_.hurry != nullptr && options_.hurry->is_set();
    if (whole.count() == 0 || hurried || !runs()) co_return Milliseconds(0);
    if (options_.grace) co_return whole;
    const bool up = co_await has_come_up();
    if (up) co_return whole;
    // It may still be booting, and not know of power buttons, or be up without what was waited for:
    // it may take as long as it has run.
    const auto age =
        std::chrono::duration_cast<Milliseconds>(live_.loop.now() - live_.first_instruction);
    co_return std::min(whole, std::max(age, Milliseconds(0)));
  }

  /// A guest whose processors are halted cannot hear its power button.
  [[nodiscard]] bool runs() const {
    Intent intent = live_.intent;
    intent.paused = intent.paused || live_.state.state == MachineState::starting;
    return !is_paused(live_.directory, intent);
  }

  /// As is known, or as can be seen now: perhaps nobody has waited for it.
  Task<bool> has_come_up() {
    const MachineState known = live_.state.state;
    if (known == MachineState::ready || known == MachineState::running) co_return true;
    Readiness readiness = live_.readiness;
    readiness.timeout = Milliseconds(0);
    try {
      co_await await_readiness(live_, std::move(readiness), live_.loop.now());
    } catch (const Error&) {
      co_return false;
    }
    co_return true;
  }

  /// Asks, and waits for QEMU's end.
  Task<void> ask(Command command) {
    try {
      qmp::Client client = co_await live_.connect();
      co_await command(client);
    } catch (const Error&) {
      // It may be ending, stopped or hung: what counts is whether it ends in time.
    }
    co_await wait_end();
  }

  Task<void> wait_end() { co_await live_.wait_end(); }

  /// True when QEMU, of which `attempt` is the end, ended within the time.
  Task<bool> ends(Task<void> attempt, Milliseconds time, Milliseconds hurried) {
    const auto first = co_await when_any(std::move(attempt), pass(time, hurried));
    co_return first.index() == 0;
  }

  /// `time`; of it, from when there is a hurry on, `hurried` at most.
  Task<void> pass(Milliseconds time, Milliseconds hurried) {
    TimePoint deadline = deadline_after(live_.loop.now(), time);
    if (options_.hurry != nullptr) {
      try {
        co_await with_deadline(deadline, options_.hurry->wait());
      } catch (const Error&) {
        co_return;  // all of it has passed
      }
      deadline = std::min(deadline, deadline_after(live_.loop.now(), hurried));
    }
    co_await sleep_until(deadline);
  }

  Machine::Live& live_;
  StopOptions options_;
};

// Other commands hold the lock for the time of a launch or a stop.
constexpr Milliseconds kLockPatience(5'000);

}  // namespace

Task<StopReport> end_live(Machine::Live& live, StopOptions options) {
  const TimePoint began = live.loop.now();
  // Others may have waited for it, or changed its forwards.
  if (const auto known = live.recorded()) live.state = *known;
  Ladder ladder(live, options);
  StopReport report;
  report.rung = co_await ladder.climb();
  const auto status = co_await live.wait_end();
  co_await live.end_log_keeper();
  if (report.rung == StopRung::already_stopped) {
    // Who has ended it has recorded that, too.
    if (const auto known = live.recorded(); known && known->exit) {
      report.exit = *known->exit;
      live.state = *known;
      co_return report;
    }
  }
  report.exit = explain_exit(live.directory, status, live.intent.exit_codes);
  if (report.rung == StopRung::sigkill && report.exit.kind == "unknown") {
    report.exit.kind = "killed";
    report.exit.reason = "QEMU was killed";
  }
  report.exit.requested = report.rung != StopRung::already_stopped;
  report.took = std::chrono::duration_cast<Milliseconds>(live.loop.now() - began);
  if (live.state.state != MachineState::failed) {
    live.state.state =
        report.rung == StopRung::already_stopped ? state_after(report.exit) : MachineState::stopped;
  }
  live.state.exit = report.exit;
  // A full disk must not keep a machine from being removed from it.
  if (!options.remove) write_state(live.directory, live.state);
  co_return report;
}

namespace {

/// Under its lock. Blocking.
void remove_directory(const InstanceDirectory& directory) {
  if (is_alive(directory)) throw unrecognised(directory);
  directory.remove(read_staged_names(directory));
}

}  // namespace

Task<StopReport> Machine::stop(StopOptions options) {
  const auto lock = co_await OperationLock::obtain(live_->directory, kLockPatience);
  // Ours has ended, and another command has started the machine anew.
  if (!live_->is_this_life()) co_return StopReport();
  StopReport report = co_await end_live(*live_, options);
  if (options.remove) {
    auto removal = [&] { remove_directory(live_->directory); };
    co_await offload(removal);
  }
  co_return report;
}

Task<void> Machine::undo_launch() {
  StopOptions options = StopOptions::kill();
  options.remove = live_->is_new;
  co_await stop(options);
}

namespace {

/// A guest that a killed snapshot has left standing still would not hear its power button.
Task<void> let_hear(Machine::Live& live) {
  try {
    co_await end_abandoned_snapshot(live);
  } catch (const Error&) {
    // It is ended all the same.
  }
}

}  // namespace

Task<StopReport> end_machine(std::filesystem::path instance_directory, StopOptions options) {
  const auto directory = InstanceDirectory::open(instance_directory);
  const auto lock = co_await OperationLock::obtain(directory, kLockPatience);
  StopReport report;
  const bool runs = co_await is_running(directory);
  if (runs) {
    auto live = co_await adopt_live(instance_directory);
    if (!options.grace || options.grace->count() > 0) co_await let_hear(*live);
    report = co_await end_live(*live, options);
  } else {
    co_await end_log_keeper(directory);
  }
  if (options.remove) {
    auto removal = [&] { remove_directory(directory); };
    co_await offload(removal);
  }
  co_return report;
}

}  // namespace vmfleet
