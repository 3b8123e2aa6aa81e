// SPDX-License-Identifier: MIT
// Watching machines that boot, and starting those again that end too early.
#include "fleet/boot_watch.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include <vmfleet/async/time.hpp>

#include "fleet/restart_policy.hpp"

namespace vmfleet {

namespace {

/// A guest that has panicked may still be there; it is not then.
Task<bool> is_to_restart(Machine& running, const MachineSpec& spec, const Error& failed) {
  if (spec.restart == RestartPolicy::no || failed.kind() != ErrorKind::exited) co_return false;
  const StopReport stopped = co_await running.stop(StopOptions::kill());
  if (stopped.rung != StopRung::already_stopped) co_return true;
  ExitReport exit = co_await running.wait_exit();
  exit = with_request(std::move(exit), running.directory());
  co_return should_restart(spec.restart, exit, spec.config.exit_codes);
}

/// Until it is ready or its policy has had its time.
Task<void> watch_boots(UpUnderWay& up, Machine& running, const MachineSpec& spec,
                       LaunchOptions launch) {
  const TimePoint deadline = deadline_after(up.loop.now(), spec.ready.timeout);
  BackOff back_off;
  for (;;) {
    std::optional<Error> failed;
    try {
      co_await watch_boot(up, running);
    } catch (const Error& error) {
      failed = error;
    }
    if (!failed) co_return;
    const bool again = co_await is_to_restart(running, spec, *failed);
    const Milliseconds wait = back_off.next();
    if (!again || up.loop.now() + wait >= deadline) throw *failed;
    up.operation.tell(spec.config.name, MachineState::crashed,
                      describe_restart(failed->message(), back_off.count(), wait));
    co_await sleep_for(wait);
    launch.readiness.timeout = std::chrono::duration_cast<Milliseconds>(deadline - up.loop.now());
    co_await running.relaunch(spec.config, launch);
  }
}

/// Why it did not become ready matters more than why it could not be stopped.
Task<void> stop_failed(Machine& machine, Error& failed) {
  try {
    co_await machine.stop(StopOptions::kill());
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::not_found) co_return;  // somebody has removed it
    static_cast<void>(
        std::move(failed).evidence(fmt::format("and stopping it failed: {}", error.message())));
  }
}

Task<void> end_if_failed(Machine& running, bool keep_failed, Task<void> watch) {
  std::optional<Error> failed;
  try {
    co_await std::move(watch);
  } catch (const Error& error) {
    failed = error;
  }
  if (!failed) co_return;
  if (!keep_failed) co_await stop_failed(running, *failed);
  throw *failed;
}

Task<void> wait_completed(UpUnderWay& up, Machine& running, const MachineSpec& spec) {
  Readiness end;
  end.exit = true;
  end.timeout = spec.ready.timeout;
  end.fail = spec.ready.fail;
  co_await running.wait_for(std::move(end));
  co_await running.wait_exit();  // which records how it ended
  up.order->reached(spec.config.name, DependencyCondition::completed);
}

}  // namespace

Task<void> watch_boot(UpUnderWay& up, Machine& machine) {
  up.order->reached(machine.name(), DependencyCondition::started);
  const bool awaited = up.order->is_awaited(machine.name(), DependencyCondition::ready);
  if (up.options.wait || awaited) co_await machine.wait_ready();
}

Task<void> watch_own_boot(UpUnderWay& up, Machine& machine, const MachineSpec& spec,
                          LaunchOptions launch) {
  return end_if_failed(machine, up.options.keep_failed,
                       watch_boots(up, machine, spec, std::move(launch)));
}

Task<void> watch_completion(UpUnderWay& up, const MachineSpec& spec) {
  const std::string& name = spec.config.name;
  const auto is_it = [&](const Machine& one) { return one.name() == name; };
  const auto ours = std::find_if(up.started.begin(), up.started.end(), is_it);
  if (ours != up.started.end()) {
    co_await end_if_failed(*ours, up.options.keep_failed, wait_completed(up, *ours, spec));
    co_return;
  }
  Machine adopted = co_await Machine::adopt(up.directory_of(name));
  co_await wait_completed(up, adopted, spec);
}

}  // namespace vmfleet
