// SPDX-License-Identifier: MIT
// The stop ladder.
#include <vmfleet/machine/stop.hpp>

#include <csignal>

#include <vmfleet/async/time.hpp>
#include <vmfleet/instance/locks.hpp>
#include <vmfleet/qmp/commands.hpp>

#include "machine/exit_report.hpp"
#include "machine/live.hpp"

namespace vmfleet {

namespace {

/// One stop under way.
class Ladder {
 public:
  Ladder(Machine::Live& live, StopOptions options) : live_(live), options_(options) {}

  Task<StopRung> climb() {
    if (live_.pidfd().ended()) co_return StopRung::already_stopped;
    // A guest that has not come up, or does not run, cannot answer the power button.
    const bool guest_listens =
        live_.state.state == MachineState::ready || live_.state.state == MachineState::running;
    if (options_.grace.count() > 0 && guest_listens) {
      if (co_await ask(&qmp::system_powerdown, options_.grace)) co_return StopRung::powerdown;
    }
    if (options_.patience.count() > 0) {
      if (co_await ask(&qmp::quit, options_.patience)) co_return StopRung::quit;
      live_.pidfd().signal(SIGTERM);
      if (co_await ended_within(options_.patience)) co_return StopRung::sigterm;
    }
    live_.pidfd().signal(SIGKILL);
    co_await live_.wait_end();
    co_return StopRung::sigkill;
  }

 private:
  using Command = Task<void> (*)(qmp::Client&);

  /// True when QEMU ended within the time.
  Task<bool> ask(Command command, Milliseconds time) {
    const TimePoint deadline = live_.loop.now() + time;
    try {
      co_await with_deadline(deadline, send(command));
    } catch (const Error&) {
      // It may be ending, stopped or hung: what counts is whether it ends in time.
    }
    co_return co_await ended_by(deadline);
  }

  Task<void> send(Command command) {
    qmp::Client client = co_await live_.connect();
    co_await command(client);
  }

  Task<bool> ended_within(Milliseconds time) { return ended_by(live_.loop.now() + time); }

  Task<bool> ended_by(TimePoint deadline) {
    try {
      co_await with_deadline(deadline, live_.wait_end());
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::timed_out) throw;
      co_return false;
    }
    co_return true;
  }

  Machine::Live& live_;
  StopOptions options_;
};

}  // namespace

Task<StopReport> Machine::stop(StopOptions options) {
  Loop& loop = live_->loop;
  const TimePoint began = loop.now();
  const auto lock = OperationLock::acquire(live_->directory);
  Ladder ladder(*live_, options);
  StopReport report;
  report.rung = co_await ladder.climb();
  const auto status = co_await live_->wait_end();
  report.exit = explain_exit(live_->directory, status);
  if (report.rung == StopRung::sigkill && report.exit.kind == "unknown") {
    report.exit.kind = "killed";
    report.exit.reason = "QEMU was killed";
  }
  report.took = std::chrono::duration_cast<Milliseconds>(loop.now() - began);
  if (live_->state.state != MachineState::failed) live_->state.state = MachineState::stopped;
  live_->state.exit = report.exit;
  live_->state.ports.clear();
  write_state(live_->directory, live_->state);
  co_return report;
}

}  // namespace vmfleet
