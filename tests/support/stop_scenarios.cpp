// SPDX-License-Identifier: MIT
// How machines end, on a real QEMU and on the fake one alike.
#include <chrono>
#include <csignal>
#include <filesystem>

#include <vmfleet/async/when.hpp>
#include <vmfleet/instance/locks.hpp>
#include <vmfleet/machine/stop.hpp>
#include <vmfleet/qmp/commands.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/machine_fixture.hpp"
#include "tests/support/process_leak_guard.hpp"

#include <vmfleet/testkit/catch2.hpp>

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

/// Up, but its readiness is never seen.
Task<Machine> launch_unseen(const TempDir& root) {
  Readiness never = on_serial("no guest prints this");
  never.timeout = Milliseconds(1);
  LaunchOptions options = detached(root, std::move(never));
  Machine machine = co_await Machine::launch(config_of("button"), std::move(options));
  co_await machine.wait_for(on_marker());
  co_return machine;
}

/// Launched to be given an hour to shut down.
Task<Machine> launch_patiently(std::string guest, const TempDir& root) {
  LaunchOptions options = detached(root);
  options.stop_grace = std::chrono::hours(1);
  co_return co_await Machine::launch(config_of(guest), std::move(options));
}

/// Keeps it alive for a while, as the last thread of a QEMU that is just ending does.
Task<void> end_slowly(UniqueFd alive) {
  co_await yield_now();
  alive.reset();
}

Task<std::filesystem::path> crash(const TempDir& root) {
  Machine machine = co_await boot(config_of("marker"), detached(root));
  ::kill(machine.pid(), SIGKILL);
  co_await machine.wait_exit();
  co_return machine.directory();
}

}  // namespace

VMFLEET_ASYNC_TEST_CASE("a machine is stopped politely although a client is kept connected") {
  ProcessLeakGuard guard;
  const TempDir root;
  Machine machine = co_await boot(config_of("button"), detached(root));
  qmp::Client kept = co_await machine.connect();
  const qmp::Status before = co_await qmp::query_status(kept);
  REQUIRE(before.running);
  const StopReport report = co_await machine.stop();
  REQUIRE(report.rung == StopRung::powerdown);
}

VMFLEET_ASYNC_TEST_CASE("a guest that ignores the power button is stopped by quit") {
  ProcessLeakGuard guard;
  const TempDir root;
  Machine machine = co_await boot(config_of("marker"), detached(root));
  const StopOptions options = with_grace(Milliseconds(300));
  const StopReport report = co_await machine.stop(options);
  REQUIRE(report.rung == StopRung::quit);
  REQUIRE(report.exit.kind == "host-qmp-quit");
  const StopReport again = co_await machine.stop(options);
  REQUIRE(again.rung == StopRung::already_stopped);
}

VMFLEET_ASYNC_TEST_CASE(
    "a QEMU that is stopped by a signal is killed, and stop returns only then") {
  ProcessLeakGuard guard;
  const TempDir root;
  Machine machine = co_await boot(config_of("marker"), detached(root));
  REQUIRE(::kill(machine.pid(), SIGSTOP) == 0);
  StopOptions options = with_grace(Milliseconds(100));
  options.patience = Milliseconds(100);
  const StopReport report = co_await machine.stop(options);
  REQUIRE(report.rung == StopRung::sigkill);
  REQUIRE(report.exit.kind == "killed");
  REQUIRE_FALSE(is_alive(InstanceDirectory::open(machine.directory())));
}

VMFLEET_ASYNC_TEST_CASE("a hurry ends the wait for a guest that ignores its power button") {
  ProcessLeakGuard guard;
  const TempDir root;
  Machine machine = co_await boot(config_of("marker"), detached(root));
  Machine watched = co_await Machine::adopt(machine.directory());
  Event hurry;
  StopOptions options = with_grace(std::chrono::hours(1));
  options.hurry = &hurry;
  auto hasten = [&]() -> Task<void> {
    Readiness asked;
    asked.events = {"POWERDOWN"};
    co_await watched.wait_for(std::move(asked));
    hurry.set();
  };
  const auto both = co_await when_all(machine.stop(options), hasten());
  REQUIRE(std::get<0>(both).rung == StopRung::quit);
  REQUIRE(inspect_machine(machine.directory()).state == MachineState::stopped);
}

VMFLEET_ASYNC_TEST_CASE("a hurry does not wait long for a QEMU that does not answer") {
  ProcessLeakGuard guard;
  const TempDir root;
  Machine machine = co_await boot(config_of("button"), detached(root));
  REQUIRE(::kill(machine.pid(), SIGSTOP) == 0);
  Event hurry;
  hurry.set();
  StopOptions options = with_grace(std::chrono::hours(1));
  options.patience = std::chrono::hours(1);
  options.hurry = &hurry;
  const StopReport report = co_await machine.stop(options);
  REQUIRE(report.rung == StopRung::sigkill);
  REQUIRE(inspect_machine(machine.directory()).state == MachineState::stopped);
}

VMFLEET_ASYNC_TEST_CASE(
    "a paused machine, which cannot hear its power button, is stopped at once") {
  ProcessLeakGuard guard;
  const TempDir root;
  Machine machine = co_await boot(config_of("button"), detached(root));
  co_await machine.pause();
  const StopReport report = co_await machine.stop(with_grace(std::chrono::hours(1)));
  REQUIRE(report.rung == StopRung::quit);
}

VMFLEET_ASYNC_TEST_CASE("a machine that had crashed is not stopped, it has crashed") {
  ProcessLeakGuard guard;
  const TempDir root;
  Machine machine = co_await boot(config_of("marker"), detached(root));
  REQUIRE(::kill(machine.pid(), SIGKILL) == 0);
  co_await machine.wait_exit();
  const StopReport report = co_await machine.stop();
  REQUIRE(report.rung == StopRung::already_stopped);
  REQUIRE(inspect_machine(machine.directory()).state == MachineState::crashed);
}

VMFLEET_ASYNC_TEST_CASE("a machine's end is not overwritten by who still waited for it") {
  ProcessLeakGuard guard;
  const TempDir root;
  Machine waiting = co_await Machine::launch(config_of("hang"), detached(root));
  const auto directory = waiting.directory();
  Machine stopping = co_await Machine::adopt(directory);
  co_await stopping.stop(StopOptions::kill());
  const Error ended = co_await error_of(waiting.wait_ready());
  REQUIRE(ended.kind() == ErrorKind::exited);
  REQUIRE(inspect_machine(directory).state == MachineState::stopped);
  REQUIRE_FALSE(inspect_machine(directory).error.has_value());

  Machine next = co_await Machine::launch(config_of("hang"), detached(root));
  const Error again = co_await error_of(waiting.wait_ready());
  REQUIRE(again.kind() == ErrorKind::exited);
  REQUIRE(next.report().state == MachineState::booting);
  co_await next.stop(StopOptions::kill());
}

VMFLEET_ASYNC_TEST_CASE("a guest that nobody has seen ready has the grace that was asked for") {
  ProcessLeakGuard guard;
  const TempDir root;
  Machine machine = co_await launch_unseen(root);
  const StopReport report = co_await machine.stop(with_grace(std::chrono::hours(1)));
  REQUIRE(report.rung == StopRung::powerdown);
}

VMFLEET_ASYNC_TEST_CASE("a guest that was not ready in time has the grace that was asked for") {
  ProcessLeakGuard guard;
  const TempDir root;
  Machine machine = co_await launch_unseen(root);
  const Error late = co_await error_of(machine.wait_ready());
  REQUIRE(late.kind() == ErrorKind::timed_out);
  const StopReport report = co_await machine.stop(with_grace(std::chrono::hours(1)));
  REQUIRE(report.rung == StopRung::powerdown);
}

VMFLEET_ASYNC_TEST_CASE("a guest that boots does not take the whole grace unless told to") {
  ProcessLeakGuard guard;
  const TempDir root;
  Machine machine = co_await launch_patiently("hang", root);
  const StopReport report = co_await machine.stop();
  REQUIRE(report.rung == StopRung::quit);
}

VMFLEET_ASYNC_TEST_CASE("what another has seen of a machine counts when it is stopped") {
  ProcessLeakGuard guard;
  const TempDir root;
  Machine machine = co_await launch_patiently("button", root);
  Machine other = co_await Machine::adopt(machine.directory());
  co_await other.wait_ready();
  const StopReport report = co_await machine.stop();
  REQUIRE(report.rung == StopRung::powerdown);
}

VMFLEET_ASYNC_TEST_CASE("a machine whose QEMU is just ending is waited for, and removed") {
  ProcessLeakGuard guard;
  const TempDir root;
  const auto directory = co_await crash(root);
  UniqueFd alive = lock_alive(InstanceDirectory::open(directory));
  StopOptions options;
  options.remove = true;
  co_await when_all(end_machine(directory, options), end_slowly(std::move(alive)));
  REQUIRE_FALSE(std::filesystem::exists(directory));
}

VMFLEET_ASYNC_TEST_CASE("a machine whose QEMU is just ending is started again") {
  ProcessLeakGuard guard;
  const TempDir root;
  const auto directory = co_await crash(root);
  UniqueFd alive = lock_alive(InstanceDirectory::open(directory));
  auto launch = [&]() -> Task<void> { co_await launch_once(config_of("marker"), detached(root)); };
  co_await when_all(launch(), end_slowly(std::move(alive)));
  REQUIRE(inspect_machine(directory).state == MachineState::stopped);
}
