// SPDX-License-Identifier: MIT
// A machine's life, on a real QEMU and on the fake one alike.
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include <vmfleet/async/event.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/async/when.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/instance/locks.hpp>
#include <vmfleet/io/files.hpp>
#include <vmfleet/machine/machine.hpp>
#include <vmfleet/qmp/commands.hpp>
#include <vmfleet/testkit/guests.hpp>

#include "machine/state_record.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/process_leak_guard.hpp"
#include "tests/support/qemu_session.hpp"
#include "tests/support/temp_dir.hpp"

#include <vmfleet/testkit/catch2.hpp>

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

const std::string kReady = "vmfleet: guest ready";

MachineConfig config_of(const std::string& guest) {
  MachineConfig config;
  config.name = "vm-0";
  config.qemu = qemu_under_test().string();
  config.accel = Accelerator::tcg;
  config.memory = Bytes::mebi(32);
  config.kernel = testkit::guest_path(guest).string();
  return config;
}

MachineConfig with_forward(MachineConfig config) {
  Net net;
  net.forwards.push_back(Forward("ssh", 22));
  config.nets.push_back(net);
  return config;
}

Readiness on_marker() {
  Readiness readiness;
  readiness.serial = {kReady};
  return readiness;
}

LaunchOptions ephemeral(Readiness readiness = on_marker()) {
  LaunchOptions options;
  options.readiness = std::move(readiness);
  return options;
}

LaunchOptions detached(const TempDir& root, Readiness readiness = on_marker()) {
  LaunchOptions options = ephemeral(std::move(readiness));
  options.lifetime = Lifetime::detached;
  options.state_root = root.path();
  return options;
}

/// The error with which `work` fails.
template <class T>
Task<Error> error_of(Task<T> work) {
  try {
    co_await std::move(work);
  } catch (const Error& error) {
    co_return error;
  }
  co_return Error(ErrorKind::internal, "it did not fail");
}

/// Launches `guest` and gives the error with which its readiness fails.
Task<Error> failure_of(std::string guest, Readiness readiness) {
  ProcessLeakGuard guard;
  Machine machine = co_await Machine::launch(config_of(guest), ephemeral(std::move(readiness)));
  co_return co_await error_of(machine.wait_ready());
}

}  // namespace

VMFLEET_ASYNC_TEST_CASE("a machine becomes ready when its marker appears") {
  ProcessLeakGuard guard;
  const MachineConfig config = with_forward(config_of("marker"));
  Machine machine = co_await Machine::launch(config, ephemeral());
  const ReadyReport report = co_await machine.wait_ready();
  REQUIRE(report.seen.size() == 1);
  REQUIRE_THAT(report.seen[0], ContainsSubstring(kReady));
  REQUIRE(machine.port("ssh").host_addr == "127.0.0.1");
  REQUIRE(machine.port("ssh").host_port > 0);
  REQUIRE_THROWS_AS(machine.port("web"), Error);
  const MachineReport now = machine.report();
  REQUIRE(now.state == MachineState::ready);
  REQUIRE(now.pid == machine.pid());
  REQUIRE(now.uuid == machine.uuid());
}

VMFLEET_ASYNC_TEST_CASE("an ephemeral machine ends with its object and leaves no file") {
  ProcessLeakGuard guard;
  std::filesystem::path root;
  {
    Machine machine = co_await Machine::launch(config_of("marker"), ephemeral());
    root = machine.directory().parent_path().parent_path();
    REQUIRE(std::filesystem::exists(root));
  }
  REQUIRE_FALSE(std::filesystem::exists(root));
  REQUIRE(guard.leaked().empty());
}

VMFLEET_ASYNC_TEST_CASE("a detached machine outlives its object, is adopted, and stops") {
  ProcessLeakGuard guard;
  const TempDir root;
  std::filesystem::path directory;
  pid_t pid = 0;
  {
    Machine machine = co_await Machine::launch(config_of("button"), detached(root));
    co_await machine.wait_ready();
    directory = machine.directory();
    pid = machine.pid();
  }
  REQUIRE(inspect_machine(directory).state == MachineState::ready);
  Machine adopted = co_await Machine::adopt(directory);
  REQUIRE(adopted.pid() == pid);
  REQUIRE(adopted.name() == "vm-0");
  const StopReport report = co_await adopted.stop();
  REQUIRE(report.rung == StopRung::powerdown);
  REQUIRE(report.exit.kind == "guest-shutdown");
  const MachineReport after = inspect_machine(directory);
  REQUIRE(after.state == MachineState::stopped);
  REQUIRE_FALSE(after.pid.has_value());
}

VMFLEET_ASYNC_TEST_CASE("a machine is stopped politely although a client is kept connected") {
  ProcessLeakGuard guard;
  const TempDir root;
  Machine machine = co_await Machine::launch(config_of("button"), detached(root));
  co_await machine.wait_ready();
  qmp::Client kept = co_await machine.connect();
  const qmp::Status before = co_await qmp::query_status(kept);
  REQUIRE(before.running);
  const StopReport report = co_await machine.stop();
  REQUIRE(report.rung == StopRung::powerdown);
}

VMFLEET_ASYNC_TEST_CASE("a guest that ignores the power button is stopped by quit") {
  ProcessLeakGuard guard;
  const TempDir root;
  Machine machine = co_await Machine::launch(config_of("marker"), detached(root));
  co_await machine.wait_ready();
  StopOptions options;
  options.grace = Milliseconds(300);
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
  Machine machine = co_await Machine::launch(config_of("marker"), detached(root));
  co_await machine.wait_ready();
  REQUIRE(::kill(machine.pid(), SIGSTOP) == 0);
  StopOptions options;
  options.grace = Milliseconds(100);
  options.patience = Milliseconds(100);
  const StopReport report = co_await machine.stop(options);
  REQUIRE(report.rung == StopRung::sigkill);
  REQUIRE(report.exit.kind == "killed");
  REQUIRE_FALSE(is_alive(InstanceDirectory::open(machine.directory())));
}

VMFLEET_ASYNC_TEST_CASE("a panic ends the wait at once, in the guest's words") {
  const Error error = co_await failure_of("panic", on_marker());
  REQUIRE(error.kind() == ErrorKind::exited);
  REQUIRE_THAT(error.what(), ContainsSubstring("Kernel panic - not syncing"));
  REQUIRE_FALSE(error.evidence().empty());
}

VMFLEET_ASYNC_TEST_CASE("a reset loop is told from a slow boot") {
  const Error error = co_await failure_of("reset", on_marker());
  REQUIRE(error.kind() == ErrorKind::exited);
  REQUIRE_THAT(error.what(), ContainsSubstring("reset itself"));
}

VMFLEET_ASYNC_TEST_CASE("a guest that switches itself off too early is reported with its reason") {
  Readiness readiness;
  readiness.serial = {"never printed"};
  const Error error = co_await failure_of("poweroff", readiness);
  REQUIRE(error.kind() == ErrorKind::exited);
  REQUIRE_THAT(error.what(), ContainsSubstring("the guest shut down"));
}

VMFLEET_ASYNC_TEST_CASE("a machine that was to end by itself is ready when it does") {
  ProcessLeakGuard guard;
  Readiness readiness;
  readiness.exit = true;
  Machine machine = co_await Machine::launch(config_of("poweroff"), ephemeral(readiness));
  const ReadyReport report = co_await machine.wait_ready();
  REQUIRE(report.seen.size() == 1);
}

VMFLEET_ASYNC_TEST_CASE("a machine that was to end by itself is not ready when it is killed") {
  ProcessLeakGuard guard;
  Readiness readiness;
  readiness.exit = true;
  Machine machine = co_await Machine::launch(config_of("hang"), ephemeral(readiness));
  REQUIRE(::kill(machine.pid(), SIGKILL) == 0);
  const Error error = co_await error_of(machine.wait_ready());
  REQUIRE(error.kind() == ErrorKind::exited);
  REQUIRE_THAT(error.what(), ContainsSubstring("signal 9"));
}

VMFLEET_ASYNC_TEST_CASE("an exit code means what the machine's table says") {
  ProcessLeakGuard guard;
  Readiness readiness;
  readiness.exit = true;
  MachineConfig config = config_of("exit_code");
  config.debug_exit = true;
  config.exit_codes = {{(16 << 1) | 1, "success"}};
  {
    const TempDir root;
    Machine good = co_await Machine::launch(config, detached(root, readiness));
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
    Machine bad = co_await Machine::launch(config, ephemeral(readiness));
    const Error error = co_await error_of(bad.wait_ready());
    REQUIRE(error.kind() == ErrorKind::exited);
    REQUIRE_THAT(error.what(), ContainsSubstring("tests failed"));
  }
  config.exit_codes.clear();
  Machine unknown = co_await Machine::launch(config, ephemeral(readiness));
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
  Readiness readiness;
  readiness.serial = {"never printed"};
  Machine machine = co_await Machine::launch(config_of("marker"), ephemeral(readiness));
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

VMFLEET_ASYNC_TEST_CASE("an ephemeral machine that has ended leaves its place to the next") {
  ProcessLeakGuard guard;
  const TempDir root;
  LaunchOptions options = ephemeral();
  options.state_root = root.path();
  std::optional<Machine> first;
  first = co_await Machine::launch(config_of("marker"), options);
  REQUIRE(::kill(first->pid(), SIGKILL) == 0);
  co_await first->wait_exit();
  Machine next = co_await Machine::launch(config_of("marker"), detached(root));
  first.reset();
  co_await next.wait_ready();
  REQUIRE(next.report().state == MachineState::ready);
  co_await next.stop(StopOptions::kill());
}

VMFLEET_ASYNC_TEST_CASE("a machine that had crashed is not stopped, it has crashed") {
  ProcessLeakGuard guard;
  const TempDir root;
  Machine machine = co_await Machine::launch(config_of("marker"), detached(root));
  co_await machine.wait_ready();
  REQUIRE(::kill(machine.pid(), SIGKILL) == 0);
  co_await machine.wait_exit();
  const StopReport report = co_await machine.stop();
  REQUIRE(report.rung == StopRung::already_stopped);
  REQUIRE(inspect_machine(machine.directory()).state == MachineState::crashed);
}

VMFLEET_ASYNC_TEST_CASE("a wait that runs out says what is missing and what came near") {
  Readiness readiness;
  readiness.serial = {"logon: "};
  readiness.timeout = Milliseconds(1'500);
  const Error error = co_await failure_of("login", readiness);
  REQUIRE(error.kind() == ErrorKind::timed_out);
  REQUIRE_THAT(error.what(), ContainsSubstring("missing serial 'logon: '"));
  REQUIRE_THAT(error.evidence().front(), ContainsSubstring("login:"));
}

VMFLEET_ASYNC_TEST_CASE("a silent guest is reported as silent") {
  Readiness readiness = on_marker();
  readiness.timeout = Milliseconds(1'000);
  const Error error = co_await failure_of("hang", readiness);
  REQUIRE(error.kind() == ErrorKind::timed_out);
  REQUIRE(error.evidence().front() == "the serial console is empty");
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

VMFLEET_ASYNC_TEST_CASE("what is sent reaches the guest's console, again and again") {
  ProcessLeakGuard guard;
  Machine machine = co_await Machine::launch(config_of("login"), ephemeral());
  Readiness prompt;
  prompt.serial = {"login: "};
  co_await machine.wait_for(prompt);
  for (const std::string name : {"ada", "grace"}) {
    co_await machine.send(name + "\n");
    Readiness welcome;
    welcome.serial = {"welcome " + name};
    co_await machine.wait_for(welcome);
  }
}

VMFLEET_ASYNC_TEST_CASE("a machine pauses, says so, and goes on") {
  ProcessLeakGuard guard;
  Machine machine = co_await Machine::launch(config_of("marker"), ephemeral());
  co_await machine.wait_ready();
  co_await machine.pause();
  REQUIRE(machine.report().state == MachineState::paused);
  co_await machine.resume();
  REQUIRE(machine.report().state == MachineState::ready);
}

VMFLEET_ASYNC_TEST_CASE("a machine that was started paused runs once it is resumed") {
  ProcessLeakGuard guard;
  const TempDir root;
  MachineConfig config = config_of("button");
  config.paused = true;
  Machine machine = co_await Machine::launch(config, detached(root, Readiness()));
  REQUIRE(machine.report().state == MachineState::paused);
  co_await machine.wait_ready();
  REQUIRE(machine.report().state == MachineState::paused);
  co_await machine.resume();
  REQUIRE(machine.report().state == MachineState::running);
  co_await machine.wait_for(on_marker());
  Machine adopted = co_await Machine::adopt(machine.directory());
  const StopReport report = co_await adopted.stop();
  REQUIRE(report.rung == StopRung::powerdown);
}

VMFLEET_ASYNC_TEST_CASE(
    "a paused machine, which cannot hear its power button, is stopped at once") {
  ProcessLeakGuard guard;
  const TempDir root;
  Machine machine = co_await Machine::launch(config_of("button"), detached(root));
  co_await machine.wait_ready();
  co_await machine.pause();
  StopOptions options;
  options.grace = std::chrono::hours(1);
  const StopReport report = co_await machine.stop(options);
  REQUIRE(report.rung == StopRung::quit);
}

VMFLEET_ASYNC_TEST_CASE("a launch that is refused leaves no state root") {
  const TempDir temp;
  const char* before = std::getenv("XDG_RUNTIME_DIR");
  const std::optional<std::string> runtime =
      before == nullptr ? std::nullopt : std::optional<std::string>(before);
  ::setenv("XDG_RUNTIME_DIR", temp.path().c_str(), 1);
  for (const std::string& name : {std::string("a/b"), std::string(300, 'x'), std::string("-")}) {
    MachineConfig config = config_of("marker");
    config.name = name;
    const Error error = co_await error_of(Machine::launch(config, ephemeral()));
    REQUIRE(error.kind() == ErrorKind::invalid_config);
    REQUIRE(std::filesystem::is_empty(temp.path()));
  }
  Readiness readiness;
  readiness.serial = {"caf\xe9"};
  const Error error = co_await error_of(Machine::launch(config_of("marker"), ephemeral(readiness)));
  REQUIRE(error.kind() == ErrorKind::invalid_config);
  ::unsetenv("XDG_RUNTIME_DIR");
  if (runtime) ::setenv("XDG_RUNTIME_DIR", runtime->c_str(), 1);
}

VMFLEET_ASYNC_TEST_CASE("a machine that runs is not started again, and is not disturbed") {
  ProcessLeakGuard guard;
  const TempDir root;
  Machine machine = co_await Machine::launch(config_of("marker"), detached(root));
  co_await machine.wait_ready();
  ErrorKind kind = ErrorKind::internal;
  try {
    co_await Machine::launch(config_of("marker"), detached(root));
  } catch (const Error& error) {
    kind = error.kind();
  }
  REQUIRE(kind == ErrorKind::conflict);
  auto client = co_await machine.connect();
  const qmp::Status status = co_await qmp::query_status(client);
  REQUIRE(status.running);
  client.close();
  co_await machine.stop(StopOptions::kill());
}

VMFLEET_ASYNC_TEST_CASE("a kernel that is not there is named before anything starts") {
  ProcessLeakGuard guard;
  MachineConfig config = config_of("marker");
  config.kernel = "/nonexistent/bzImage";
  std::string what;
  try {
    co_await Machine::launch(config, ephemeral());
  } catch (const Error& error) {
    what = error.what();
  }
  REQUIRE_THAT(what, ContainsSubstring("/nonexistent/bzImage"));
}

VMFLEET_ASYNC_TEST_CASE("paths with commas, quotes and spaces, and longer than a socket's name") {
  ProcessLeakGuard guard;
  const TempDir temp;
  const std::filesystem::path root =
      temp / ("we,ird \"na'me\"=" + std::string(120, 'x')) / std::string(100, 'y');
  std::filesystem::create_directories(root);
  MachineConfig config = config_of("marker");
  std::filesystem::copy(config.kernel, root / "ker,nel.elf");
  config.kernel = (root / "ker,nel.elf").string();
  LaunchOptions options = ephemeral();
  options.state_root = root;
  Machine machine = co_await Machine::launch(config, options);
  const ReadyReport report = co_await machine.wait_ready();
  REQUIRE(report.seen.size() == 1);
}

TEST_CASE("a launch cancelled at any step leaves no process and no file") {
  ProcessLeakGuard guard;
  for (int step = 0; step < 12; ++step) {
    const TempDir root;
    Loop loop;
    CancelScope scope;
    int seen = 0;
    LaunchOptions options = ephemeral();
    options.state_root = root.path();
    options.on_step = [&](std::string_view) {
      if (seen++ == step) scope.cancel();
    };
    auto work = [&]() -> Task<void> {
      Machine machine = co_await Machine::launch(config_of("marker"), options);
      co_await sleep_for(Milliseconds(0));
      scope.cancel();
      co_await machine.wait_ready();
    };
    const auto result = loop.run(scope.run(work()));
    INFO("step " << step);
    REQUIRE_FALSE(result.has_value());
    REQUIRE(guard.leaked().empty());
    REQUIRE(std::filesystem::is_empty(root.path()));
  }
}

VMFLEET_ASYNC_TEST_CASE("no permission bit for others on anything in the directory") {
  ProcessLeakGuard guard;
  Machine machine = co_await Machine::launch(config_of("marker"), ephemeral());
  co_await machine.wait_ready();
  for (const auto& entry : std::filesystem::recursive_directory_iterator(machine.directory())) {
    if (entry.is_socket()) continue;  // inside a directory that nobody else can enter
    INFO(entry.path());
    const auto others = std::filesystem::perms::group_all | std::filesystem::perms::others_all;
    REQUIRE((entry.status().permissions() & others) == std::filesystem::perms::none);
  }
}
