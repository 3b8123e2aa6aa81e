// SPDX-License-Identifier: MIT
// Machines of another architecture: the tiny guests for aarch64.
#include <vmfleet/base/error.hpp>
#include <vmfleet/machine/machine.hpp>
#include <vmfleet/testkit/guests.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/process_leak_guard.hpp"
#include "tests/support/temp_dir.hpp"

#include <vmfleet/testkit/catch2.hpp>

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

const std::string kReady = "vmfleet: guest ready";

MachineConfig config_of(const std::string& guest) {
  MachineConfig config;
  config.name = "vm-0";
  config.arch = Arch::aarch64;
  config.accel = Accelerator::tcg;
  config.memory = Bytes::mebi(32);
  config.kernel = testkit::guest_path(guest, "aarch64").string();
  return config;
}

LaunchOptions ephemeral() {
  LaunchOptions options;
  options.readiness.serial = {kReady};
  return options;
}

Task<Error> failure_of(std::string guest) {
  Machine machine = co_await Machine::launch(config_of(guest), ephemeral());
  try {
    co_await machine.wait_ready();
  } catch (const Error& error) {
    co_return error;
  }
  co_return Error(ErrorKind::internal, "it became ready");
}

}  // namespace

VMFLEET_ASYNC_TEST_CASE("an aarch64 machine becomes ready and has its ports") {
  ProcessLeakGuard guard;
  MachineConfig config = config_of("marker");
  Net net;
  net.forwards.push_back(Forward("ssh", 22));
  config.nets.push_back(net);
  Machine machine = co_await Machine::launch(config, ephemeral());
  const ReadyReport report = co_await machine.wait_ready();
  REQUIRE_THAT(report.seen.at(0), ContainsSubstring(kReady));
  REQUIRE(machine.port("ssh").host_port > 0);
}

VMFLEET_ASYNC_TEST_CASE("an aarch64 guest gets its argument and what is typed") {
  ProcessLeakGuard guard;
  MachineConfig config = config_of("say");
  config.append = {"--", "one,", "two"};
  Readiness said;
  said.serial = {"one, two\n" + kReady};
  Machine talker = co_await Machine::launch(config, ephemeral());
  co_await talker.wait_for(said);
  Machine echo = co_await Machine::launch(config_of("echo"), ephemeral());
  co_await echo.wait_ready();
  for (const std::string word : {"ada", "grace"}) {
    co_await echo.send(word + "\n");
    Readiness returned;
    returned.serial = {word};
    co_await echo.wait_for(returned);
  }
}

VMFLEET_ASYNC_TEST_CASE("an aarch64 machine hears its power button, is adopted, and stops") {
  ProcessLeakGuard guard;
  const TempDir root;
  LaunchOptions options = ephemeral();
  options.lifetime = Lifetime::detached;
  options.state_root = root.path();
  std::filesystem::path directory;
  {
    Machine machine = co_await Machine::launch(config_of("button"), options);
    co_await machine.wait_ready();
    directory = machine.directory();
  }
  Machine adopted = co_await Machine::adopt(directory);
  const StopReport report = co_await adopted.stop();
  REQUIRE(report.rung == StopRung::powerdown);
  REQUIRE(report.exit.kind == "guest-shutdown");
}

VMFLEET_ASYNC_TEST_CASE("an aarch64 guest that switches itself off was to do so, or not") {
  ProcessLeakGuard guard;
  LaunchOptions options;
  options.readiness.exit = true;
  Machine machine = co_await Machine::launch(config_of("poweroff"), options);
  const ReadyReport report = co_await machine.wait_ready();
  REQUIRE(report.seen.size() == 1);
  Readiness never;
  never.serial = {"never printed"};
  options.readiness = never;
  Machine early = co_await Machine::launch(config_of("poweroff"), options);
  std::string what;
  try {
    co_await early.wait_ready();
  } catch (const Error& error) {
    what = error.what();
  }
  REQUIRE_THAT(what, ContainsSubstring("the guest shut down"));
}

VMFLEET_ASYNC_TEST_CASE("a panic of an aarch64 guest ends the wait at once") {
  ProcessLeakGuard guard;
  const Error error = co_await failure_of("panic");
  REQUIRE(error.kind() == ErrorKind::exited);
  REQUIRE_THAT(error.what(), ContainsSubstring("Kernel panic - not syncing"));
}

VMFLEET_ASYNC_TEST_CASE("pvpanic tells QEMU of a panic on aarch64 too") {
  ProcessLeakGuard guard;
  LaunchOptions options;
  Machine machine = co_await Machine::launch(config_of("panic"), options);
  const ExitReport report = co_await machine.wait_exit();
  REQUIRE(report.kind == "guest-panic");
}

VMFLEET_ASYNC_TEST_CASE("a reset loop on aarch64 is told from a slow boot") {
  ProcessLeakGuard guard;
  const Error error = co_await failure_of("reset");
  REQUIRE(error.kind() == ErrorKind::exited);
  REQUIRE_THAT(error.what(), ContainsSubstring("reset itself"));
}

VMFLEET_ASYNC_TEST_CASE("an aarch64 guest chooses QEMU's exit code") {
  ProcessLeakGuard guard;
  LaunchOptions options;
  options.readiness.exit = true;
  MachineConfig config = config_of("exit_code");
  config.append = {"--", "31"};
  config.debug_exit = true;
  config.exit_codes = {{31, "success"}};
  Machine machine = co_await Machine::launch(config, options);
  const ReadyReport report = co_await machine.wait_ready();
  REQUIRE_THAT(report.seen.at(0), ContainsSubstring("exit code 31: success"));
}
