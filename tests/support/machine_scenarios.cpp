// SPDX-License-Identifier: MIT
// A machine's life, on a real QEMU and on the fake one alike.
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

#include <vmfleet/instance/intent.hpp>
#include <vmfleet/instance/locks.hpp>
#include <vmfleet/instance/record.hpp>
#include <vmfleet/io/files.hpp>
#include <vmfleet/machine/stop.hpp>
#include <vmfleet/qmp/commands.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/machine_fixture.hpp"
#include "tests/support/process_leak_guard.hpp"

#include <vmfleet/testkit/catch2.hpp>

using namespace vmfleet;
using namespace vmfleet::test;

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

VMFLEET_ASYNC_TEST_CASE("a machine whose records were lost is still its launcher's") {
  ProcessLeakGuard guard;
  const TempDir root;
  for (const bool damaged : {false, true}) {
    Machine machine = co_await Machine::launch(config_of("marker"), detached(root));
    const auto directory = InstanceDirectory::open(machine.directory());
    const auto before = read_intent(directory);
    for (const char* record : {instance_file::kIntent, instance_file::kState}) {
      std::filesystem::remove(directory.file(record));
      if (damaged) std::ofstream(directory.file(record)) << "{";
    }
    const bool recovered = co_await recover_records(machine.directory());
    REQUIRE(recovered);
    const auto after = read_intent(directory);
    REQUIRE(after->created_ms == before->created_ms);
    REQUIRE(after->argv == before->argv);
    co_await machine.wait_ready();
    REQUIRE(inspect_machine(machine.directory()).state == MachineState::ready);
    const StopReport report = co_await machine.stop(StopOptions::kill());
    REQUIRE(report.rung == StopRung::sigkill);
    REQUIRE_FALSE(is_alive(directory));
    REQUIRE(inspect_machine(machine.directory()).state == MachineState::stopped);
  }
}

VMFLEET_ASYNC_TEST_CASE("a launch leaves the records of a later vmfleet") {
  const TempDir root;
  const auto directory = InstanceDirectory::create(root.path(), "default", "vm-0");
  write_record(directory, instance_file::kState, "vmfleet.state/9", json::Object());
  const Error error = co_await error_of(Machine::launch(config_of("marker"), detached(root)));
  REQUIRE(error.kind() == ErrorKind::conflict);
  REQUIRE_THAT(error.message(), ContainsSubstring("newer vmfleet"));
  REQUIRE_FALSE(read_intent(directory).has_value());
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

VMFLEET_ASYNC_TEST_CASE("what is sent reaches the guest's console, again and again") {
  ProcessLeakGuard guard;
  Machine machine = co_await Machine::launch(config_of("login"), ephemeral());
  co_await machine.wait_for(on_serial("login: "));
  for (const std::string name : {"ada", "grace"}) {
    co_await machine.send(name + "\n");
    co_await machine.wait_for(on_serial("welcome " + name));
  }
}

VMFLEET_ASYNC_TEST_CASE("a machine pauses, says so, and goes on") {
  ProcessLeakGuard guard;
  Machine machine = co_await boot(config_of("marker"), ephemeral());
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
  const LaunchOptions options = ephemeral(on_serial("caf\xe9"));
  const Error error = co_await error_of(Machine::launch(config_of("marker"), options));
  REQUIRE(error.kind() == ErrorKind::invalid_config);
  ::unsetenv("XDG_RUNTIME_DIR");
  if (runtime) ::setenv("XDG_RUNTIME_DIR", runtime->c_str(), 1);
}

VMFLEET_ASYNC_TEST_CASE("a machine that runs is not started again, and is not disturbed") {
  ProcessLeakGuard guard;
  const TempDir root;
  Machine machine = co_await boot(config_of("marker"), detached(root));
  const Error error = co_await error_of(Machine::launch(config_of("marker"), detached(root)));
  REQUIRE(error.kind() == ErrorKind::conflict);
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
  const Error error = co_await error_of(Machine::launch(config, ephemeral()));
  REQUIRE_THAT(error.message(), ContainsSubstring("/nonexistent/bzImage"));
}

namespace {

struct Remains {
  Remains() = default;
  std::string serial;
  std::string events;
  std::string state;
  bool operator==(const Remains&) const = default;
};

Remains remains_in(const std::filesystem::path& directory) {
  Remains remains;
  remains.serial = files::read(directory / instance_file::kSerial);
  remains.events = files::read(directory / instance_file::kEvents);
  remains.state = files::read(directory / instance_file::kState);
  return remains;
}

}  // namespace

VMFLEET_ASYNC_TEST_CASE("a start that is refused leaves what there is of a crash") {
  ProcessLeakGuard guard;
  const TempDir root;
  Machine machine = co_await boot(config_of("marker"), detached(root));
  REQUIRE(::kill(machine.pid(), SIGKILL) == 0);
  co_await machine.wait_exit();
  co_await machine.stop();  // records the end
  const Remains before = remains_in(machine.directory());
  REQUIRE_THAT(before.serial, ContainsSubstring(kReady));
  MachineConfig gone = config_of("marker");
  gone.kernel = (root / "missing").string();
  const Error missing = co_await error_of(launch_once(std::move(gone), detached(root)));
  REQUIRE(missing.kind() == ErrorKind::invalid_config);
  REQUIRE(remains_in(machine.directory()) == before);

  MachineConfig refused = config_of("marker");
  refused.nets.push_back(Net());
  refused.nets.back().type = NetType::tap;
  refused.nets.back().interface = "vmfleet-none";
  const Error no_tap = co_await error_of(launch_once(std::move(refused), detached(root)));
  REQUIRE(no_tap.kind() == ErrorKind::host_unfit);
  REQUIRE(remains_in(machine.directory()).serial == before.serial);
  const MachineReport report = inspect_machine(machine.directory());
  REQUIRE(report.state == MachineState::failed);
  REQUIRE(report.exit->kind == "killed");
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
  Machine machine = co_await boot(config_of("marker"), ephemeral());
  for (const auto& entry : std::filesystem::recursive_directory_iterator(machine.directory())) {
    INFO(entry.path());
    const auto others = std::filesystem::perms::group_all | std::filesystem::perms::others_all;
    REQUIRE((entry.status().permissions() & others) == std::filesystem::perms::none);
  }
}
