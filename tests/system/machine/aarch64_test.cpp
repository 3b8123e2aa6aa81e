// SPDX-License-Identifier: MIT
// Machines of another architecture: the tiny guests for aarch64.
#include "tests/support/catch.hpp"
#include "tests/support/machine_fixture.hpp"
#include "tests/support/process_leak_guard.hpp"

#include <vmfleet/testkit/catch2.hpp>

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

MachineConfig aarch64(const std::string& guest) {
  MachineConfig config = bare_config();
  config.arch = Arch::aarch64;
  config.qemu.clear();
  config.kernel = testkit::guest_path(guest, "aarch64").string();
  return config;
}

Task<Error> failure_of(std::string guest) {
  Machine machine = co_await Machine::launch(aarch64(guest), ephemeral());
  co_return co_await error_of(machine.wait_ready());
}

}  // namespace

VMFLEET_ASYNC_TEST_CASE("an aarch64 machine becomes ready and has its ports") {
  ProcessLeakGuard guard;
  Machine machine = co_await Machine::launch(with_forward(aarch64("marker")), ephemeral());
  const ReadyReport report = co_await machine.wait_ready();
  REQUIRE_THAT(report.seen.at(0), ContainsSubstring(kReady));
  REQUIRE(machine.port("ssh").host_port > 0);
}

VMFLEET_ASYNC_TEST_CASE("an aarch64 guest gets its argument and what is typed") {
  ProcessLeakGuard guard;
  MachineConfig config = aarch64("say");
  config.append = {"--", "one,", "two"};
  Machine talker = co_await Machine::launch(config, ephemeral());
  co_await talker.wait_for(on_serial("one, two\n" + kReady));
  Machine echo = co_await boot(aarch64("echo"), ephemeral());
  for (const std::string word : {"ada", "grace"}) {
    co_await echo.send(word + "\n");
    co_await echo.wait_for(on_serial(word));
  }
}

VMFLEET_ASYNC_TEST_CASE("an aarch64 machine hears its power button, is adopted, and stops") {
  ProcessLeakGuard guard;
  const TempDir root;
  std::filesystem::path directory;
  {
    Machine machine = co_await boot(aarch64("button"), detached(root));
    directory = machine.directory();
  }
  Machine adopted = co_await Machine::adopt(directory);
  const StopReport report = co_await adopted.stop();
  REQUIRE(report.rung == StopRung::powerdown);
  REQUIRE(report.exit.kind == "guest-shutdown");
}

VMFLEET_ASYNC_TEST_CASE("an aarch64 guest that switches itself off was to do so, or not") {
  ProcessLeakGuard guard;
  Machine machine = co_await Machine::launch(aarch64("poweroff"), ephemeral(on_exit()));
  const ReadyReport report = co_await machine.wait_ready();
  REQUIRE(report.seen.size() == 1);
  const LaunchOptions never = ephemeral(on_serial("never printed"));
  Machine early = co_await Machine::launch(aarch64("poweroff"), never);
  const Error error = co_await error_of(early.wait_ready());
  REQUIRE_THAT(error.message(), ContainsSubstring("the guest shut down"));
}

VMFLEET_ASYNC_TEST_CASE("a panic of an aarch64 guest ends the wait at once") {
  ProcessLeakGuard guard;
  const Error error = co_await failure_of("panic");
  REQUIRE(error.kind() == ErrorKind::exited);
  REQUIRE_THAT(error.message(), ContainsSubstring("Kernel panic - not syncing"));
}

VMFLEET_ASYNC_TEST_CASE("pvpanic tells QEMU of a panic on aarch64 too") {
  ProcessLeakGuard guard;
  Machine machine = co_await Machine::launch(aarch64("panic"), LaunchOptions());
  const ExitReport report = co_await machine.wait_exit();
  REQUIRE(report.kind == "guest-panic");
}

VMFLEET_ASYNC_TEST_CASE("a reset loop on aarch64 is told from a slow boot") {
  ProcessLeakGuard guard;
  const Error error = co_await failure_of("reset");
  REQUIRE(error.kind() == ErrorKind::exited);
  REQUIRE_THAT(error.message(), ContainsSubstring("reset itself"));
}

VMFLEET_ASYNC_TEST_CASE("an aarch64 guest chooses QEMU's exit code") {
  ProcessLeakGuard guard;
  LaunchOptions options;
  options.readiness.exit = true;
  MachineConfig config = aarch64("exit_code");
  config.append = {"--", "31"};
  config.debug_exit = true;
  config.exit_codes = {{31, "success"}};
  Machine machine = co_await Machine::launch(config, options);
  const ReadyReport report = co_await machine.wait_ready();
  REQUIRE_THAT(report.seen.at(0), ContainsSubstring("exit code 31: success"));
}
