// SPDX-License-Identifier: MIT
// Waiting until a machine is ready, or cannot become so, on a real QEMU and on the fake one alike.
#include <sys/wait.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include <vmfleet/async/event.hpp>
#include <vmfleet/async/task_group.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/async/when.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/instance/instance_directory.hpp>

#include "machine/state_record.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/machine_fixture.hpp"
#include "tests/support/process_leak_guard.hpp"

#include <vmfleet/testkit/catch2.hpp>

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

/// Launches `guest` and gives the error with which its readiness fails.
Task<Error> failure_of(std::string guest, Readiness readiness) {
  ProcessLeakGuard guard;
  Machine machine = co_await Machine::launch(config_of(guest), ephemeral(std::move(readiness)));
  co_return co_await error_of(machine.wait_ready());
}

/// Kills a child and holds the loop up until it has ended, for the loop to reap it.
void end_silently(pid_t pid) {
  REQUIRE(::kill(pid, SIGKILL) == 0);
  siginfo_t info;
  REQUIRE(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT) == 0);
}

}  // namespace

VMFLEET_ASYNC_TEST_CASE("a panic ends the wait at once, in the guest's words") {
  const Error error = co_await failure_of("panic", on_marker());
  REQUIRE(error.kind() == ErrorKind::exited);
  REQUIRE_THAT(error.message(), ContainsSubstring("Kernel panic - not syncing"));
  REQUIRE_FALSE(error.evidence().empty());
}

VMFLEET_ASYNC_TEST_CASE("a reset loop is told from a slow boot") {
  const Error error = co_await failure_of("reset", on_marker());
  REQUIRE(error.kind() == ErrorKind::exited);
  REQUIRE_THAT(error.message(), ContainsSubstring("reset itself"));
}

VMFLEET_ASYNC_TEST_CASE("a guest that switches itself off too early is reported with its reason") {
  const Error error = co_await failure_of("poweroff", on_serial("never printed"));
  REQUIRE(error.kind() == ErrorKind::exited);
  REQUIRE_THAT(error.message(), ContainsSubstring("the guest shut down"));
}

VMFLEET_ASYNC_TEST_CASE("a machine that was to end by itself is ready when it does") {
  ProcessLeakGuard guard;
  Machine machine = co_await Machine::launch(config_of("poweroff"), ephemeral(on_exit()));
  const ReadyReport report = co_await machine.wait_ready();
  REQUIRE(report.seen.size() == 1);
}

VMFLEET_ASYNC_TEST_CASE("what was printed before the end counts, also when the end is news too") {
  ProcessLeakGuard guard;
  for (int turns = 0; turns < 12; ++turns) {
    Machine machine = co_await Machine::launch(config_of("hang"), ephemeral());
    std::optional<ReadyReport> report;
    auto body = [&](TaskGroup& group) -> Task<void> {
      auto wait = [&]() -> Task<void> { report = co_await machine.wait_ready(); };
      group.start(wait);
      std::ofstream serial(machine.directory() / instance_file::kSerial, std::ios::app);
      serial << "something else" << std::endl;
      for (int i = 0; i < 20; ++i) co_await yield_now();
      serial << kReady << std::endl;
      for (int i = 0; i < turns; ++i) co_await yield_now();
      end_silently(machine.pid());
    };
    co_await with_task_group(body);
    INFO(turns << " turns of the loop later");
    REQUIRE(report.has_value());
  }
}

VMFLEET_ASYNC_TEST_CASE("a machine that was to end by itself is not ready when it is killed") {
  ProcessLeakGuard guard;
  Machine machine = co_await Machine::launch(config_of("hang"), ephemeral(on_exit()));
  REQUIRE(::kill(machine.pid(), SIGKILL) == 0);
  const Error error = co_await error_of(machine.wait_ready());
  REQUIRE(error.kind() == ErrorKind::exited);
  REQUIRE_THAT(error.message(), ContainsSubstring("signal 9"));
}

VMFLEET_ASYNC_TEST_CASE("an exit code means what the machine's table says") {
  ProcessLeakGuard guard;
  MachineConfig config = config_of("exit_code");
  config.debug_exit = true;
  config.exit_codes = {{(16 << 1) | 1, "success"}};
  {
    const TempDir root;
    Machine good = co_await Machine::launch(config, detached(root, on_exit()));
    const ReadyReport report = co_await good.wait_ready();
    REQUIRE_THAT(report.seen.at(0), ContainsSubstring("exit code 33: success"));
    const ExitReport exit = co_await good.wait_exit();
    REQUIRE(exit.kind == "guest-exit");
    const MachineReport after = inspect_machine(good.directory());
    REQUIRE(after.state == MachineState::stopped);
    REQUIRE(after.exit->code == 33);
    REQUIRE(after.ready_after.has_value());
  }
  config.exit_codes = {{(16 << 1) | 1, "tests failed"}};
  {
    Machine bad = co_await Machine::launch(config, ephemeral(on_exit()));
    const Error error = co_await error_of(bad.wait_ready());
    REQUIRE(error.kind() == ErrorKind::exited);
    REQUIRE_THAT(error.message(), ContainsSubstring("tests failed"));
  }
  config.exit_codes.clear();
  Machine unknown = co_await Machine::launch(config, ephemeral(on_exit()));
  const Error error = co_await error_of(unknown.wait_ready());
  REQUIRE(error.kind() == ErrorKind::exited);
}

VMFLEET_ASYNC_TEST_CASE("a condition that is asked for twice is met once") {
  ProcessLeakGuard guard;
  Readiness readiness;
  readiness.events = {"RESUME", "RESUME"};
  Machine machine = co_await Machine::launch(config_of("marker"), ephemeral(readiness));
  const ReadyReport report = co_await machine.wait_ready();
  REQUIRE(report.seen.size() == 2);
}

VMFLEET_ASYNC_TEST_CASE("a wait that runs out says what is missing and what came near") {
  Readiness readiness = on_serial("logon: ");
  readiness.timeout = Milliseconds(1'500);
  const Error error = co_await failure_of("login", readiness);
  REQUIRE(error.kind() == ErrorKind::timed_out);
  REQUIRE_THAT(error.message(), ContainsSubstring("missing serial 'logon: '"));
  REQUIRE_THAT(join(error.evidence(), "\n"),
               ContainsSubstring("nearest to serial 'logon: ': login:"));
}

VMFLEET_ASYNC_TEST_CASE("a wait that runs out says what was seen and how the machine stands") {
  ProcessLeakGuard guard;
  Readiness readiness = on_marker();
  readiness.serial.emplace_back("never printed");
  readiness.timeout = Milliseconds(1'500);
  Machine machine =
      co_await Machine::launch(with_forward(config_of("marker")), ephemeral(readiness));
  const Error error = co_await error_of(machine.wait_ready());
  const std::string evidence = join(error.evidence(), "\n");
  REQUIRE_THAT(evidence, ContainsSubstring("seen: serial 'vmfleet: guest ready'"));
  REQUIRE_THAT(evidence, ContainsSubstring("QEMU (pid " + std::to_string(machine.pid()) +
                                           ") runs, and the guest is not paused"));
  REQUIRE_THAT(evidence, ContainsSubstring("accelerator: tcg, software emulation"));
  REQUIRE_THAT(evidence, ContainsSubstring("network: user, ssh 127.0.0.1:"));
  REQUIRE_THAT(evidence, ContainsSubstring("bytes in " + machine.directory().string()));
}

VMFLEET_ASYNC_TEST_CASE("a silent guest is reported as silent") {
  Readiness readiness = on_marker();
  readiness.timeout = Milliseconds(1'000);
  const Error error = co_await failure_of("hang", readiness);
  REQUIRE(error.kind() == ErrorKind::timed_out);
  REQUIRE_THAT(join(error.evidence(), "\n"), ContainsSubstring("serial console: empty ("));
}

VMFLEET_ASYNC_TEST_CASE("all conditions must hold, unless any is enough") {
  ProcessLeakGuard guard;
  Readiness readiness = on_marker();
  readiness.regex = {"^never$"};
  readiness.any = true;
  Machine machine = co_await Machine::launch(config_of("marker"), ephemeral(readiness));
  const ReadyReport report = co_await machine.wait_ready();
  REQUIRE(report.seen.size() == 1);
  readiness.any = false;
  readiness.timeout = Milliseconds(1'000);
  const Error error = co_await failure_of("marker", readiness);
  REQUIRE(error.kind() == ErrorKind::timed_out);
}

VMFLEET_ASYNC_TEST_CASE("a wait that begins after its deadline sees what the logs hold") {
  ProcessLeakGuard guard;
  const TempDir root;
  std::filesystem::path directory;
  {
    Machine machine = co_await Machine::launch(config_of("marker"), detached(root));
    co_await machine.wait_for(on_marker());
    directory = machine.directory();
    StateRecord record = read_state(InstanceDirectory::open(directory)).value();
    record.started_ms -= 3'600'000;
    write_state(InstanceDirectory::open(directory), record);
  }
  Machine late = co_await Machine::adopt(directory);
  const ReadyReport report = co_await late.wait_ready();
  REQUIRE(report.seen.size() == 1);
  REQUIRE(late.report().state == MachineState::ready);
  co_await late.stop(StopOptions::kill());
}

VMFLEET_ASYNC_TEST_CASE("a start that was cut short counts from its record, not from 1970") {
  ProcessLeakGuard guard;
  const TempDir root;
  std::filesystem::path directory;
  {
    Machine machine = co_await Machine::launch(config_of("marker"), detached(root));
    co_await machine.wait_for(on_marker());
    directory = machine.directory();
    StateRecord record;
    record.state = MachineState::starting;
    write_state(InstanceDirectory::open(directory), record);
  }
  Machine adopted = co_await Machine::adopt(directory);
  const ReadyReport report = co_await adopted.wait_ready();
  REQUIRE(report.took < std::chrono::hours(24));
  co_await adopted.stop(StopOptions::kill());
}

VMFLEET_ASYNC_TEST_CASE("a wait with a timeout of its own does not judge the machine") {
  ProcessLeakGuard guard;
  const LaunchOptions options = ephemeral(on_serial("never printed"));
  Machine machine = co_await Machine::launch(config_of("marker"), options);
  const Error error = co_await error_of(machine.wait_ready(Milliseconds(100)));
  REQUIRE(error.kind() == ErrorKind::timed_out);
  REQUIRE(machine.report().state == MachineState::booting);
  REQUIRE_FALSE(machine.report().error.has_value());
}

VMFLEET_ASYNC_TEST_CASE("who waits for a machine that is being started gets it when it runs") {
  ProcessLeakGuard guard;
  const TempDir root;
  Event under_way;
  LaunchOptions options = detached(root);
  options.on_step = [&](std::string_view) { under_way.set(); };
  auto launch = [&]() -> Task<void> { co_await Machine::launch(config_of("marker"), options); };
  auto wait = [&]() -> Task<void> {
    co_await under_way.wait();
    const auto directory = root / "default" / "vm-0";
    co_await wait_until_started(directory);
    Machine machine = co_await Machine::adopt(directory);
    co_await machine.wait_ready();
    co_await machine.stop(StopOptions::kill());
  };
  co_await when_all(launch(), wait());
}
