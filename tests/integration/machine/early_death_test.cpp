// SPDX-License-Identifier: MIT
// A QEMU that misbehaves while it is launched: an error that says how, and nothing left.
#include <csignal>
#include <cstdlib>

#include <vmfleet/async/when.hpp>
#include <vmfleet/testkit/async_test.hpp>
#include <vmfleet/testkit/fake_qemu.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/machine_fixture.hpp"
#include "tests/support/process_leak_guard.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

std::filesystem::path vmfleet::test::qemu_under_test() {
  return testkit::fake_qemu_path();
}

namespace {

/// The error of launching (and waiting for) the fake with this script; nothing may be left.
Error failure_with(const std::string& script, Milliseconds timeout = Milliseconds(20'000)) {
  ProcessLeakGuard guard;
  const TempDir root;
  ::setenv("FAKE_QEMU_SCRIPT", script.c_str(), 1);
  LaunchOptions options = ephemeral();
  options.state_root = root.path();
  options.readiness.timeout = timeout;
  auto work = [&]() -> Task<void> { co_await boot(with_forward(config_of("marker")), options); };
  const Error failure = testkit::run_async(error_of(work()));
  ::unsetenv("FAKE_QEMU_SCRIPT");
  REQUIRE(guard.leaked().empty());
  REQUIRE(std::filesystem::is_empty(root.path()));
  return failure;
}

}  // namespace

TEST_CASE("a QEMU that exits at once is quoted") {
  const Error error = failure_with(
      R"({"exit": {"code": 1, "stderr": "qemu-system-x86_64: -foo: invalid option\n"}})");
  REQUIRE(error.kind() == ErrorKind::exited);
  REQUIRE_FALSE(error.hint().empty());
  REQUIRE_THAT(error.evidence().front(), ContainsSubstring("-foo: invalid option"));
}

TEST_CASE("a QEMU that vanishes at any command of the launch is an early end") {
  for (const std::string command :
       {"query-uuid", "chardev-change", "human-monitor-command", "cont"}) {
    INFO(command);
    const Error error = failure_with(R"({"replies": {")" + command + R"(": {"vanish": true}}})");
    REQUIRE(error.kind() == ErrorKind::exited);
  }
}

TEST_CASE("a machine that ends before it was told to have begun has run") {
  ::setenv("FAKE_QEMU_SCRIPT", R"({"replies": {"cont": {"vanish": true}}})", 1);
  auto work = []() -> Task<ExitReport> {
    Machine machine = co_await Machine::launch(config_of("marker"), LaunchOptions());
    co_return co_await machine.wait_exit();
  };
  const ExitReport exit = testkit::run_async(work());
  ::unsetenv("FAKE_QEMU_SCRIPT");
  REQUIRE(exit.kind == "killed");
}

TEST_CASE("a forward that never comes is missed by name, and not dropped") {
  const Error error =
      failure_with(R"({"replies": {"human-monitor-command": {"return": "Hub -1 (net0):\r\n"}}})",
                   Milliseconds(300));
  REQUIRE(error.kind() == ErrorKind::timed_out);
  REQUIRE_THAT(error.what(), ContainsSubstring("the forward ssh"));
  REQUIRE(error.evidence() == std::vector<std::string>{"Hub -1 (net0):"});
}

TEST_CASE("a QEMU that breaks its reply off is an error, never a hang") {
  for (const int bytes : {0, 1, 20}) {
    INFO("after " << bytes);
    const Error error = failure_with(R"({"replies": {"query-uuid": {"close_after": )" +
                                     std::to_string(bytes) + "}}}");
    REQUIRE((error.kind() == ErrorKind::exited || error.kind() == ErrorKind::disconnected));
  }
}

TEST_CASE("another machine's QEMU behind the socket is not taken for ours") {
  const Error error = failure_with(
      R"({"replies": {"query-uuid": {"return": {"UUID": "11111111-2222-3333-4444-555555555555"}}}})");
  REQUIRE(error.kind() == ErrorKind::conflict);
}

TEST_CASE("a command that QEMU refuses fails the launch with QEMU's words") {
  const Error error = failure_with(
      R"({"replies": {"cont": {"error": {"class": "GenericError", "desc": "Resetting the Virtual Machine is required"}}}})");
  REQUIRE_THAT(std::string(error.what()) + (error.evidence().empty() ? "" : error.evidence()[0]),
               ContainsSubstring("Resetting the Virtual Machine"));
}

TEST_CASE("a QEMU that dies after the launch fails the wait at once") {
  const Error error = failure_with(R"({"guest": [{"kill": 9}]})");
  REQUIRE(error.kind() == ErrorKind::exited);
  REQUIRE_THAT(error.what(), ContainsSubstring("signal 9"));
}

TEST_CASE("a program whose QEMU closes its sockets and then ends has ended with it") {
  auto work = []() -> Task<void> {
    Machine machine = co_await Machine::launch(config_of("marker"), LaunchOptions());
    Loop& loop = co_await current_loop();
    const auto agent = machine.directory() / instance_file::kAgent;
    std::filesystem::remove(agent);
    auto listener = UnixListener::bind(loop, agent);
    auto end = [&]() -> Task<void> {
      (co_await listener.accept()).close();
      co_await sleep_for(Milliseconds(20));  // the program's turn to find out
      ::kill(machine.pid(), SIGKILL);
    };
    auto run = [&]() -> Task<void> {
      std::vector<std::string> program{"true"};
      co_await machine.exec(program);
    };
    co_await when_all(end(), run());
  };
  const Error error = testkit::run_async(error_of(work()));
  REQUIRE(error.kind() == ErrorKind::exited);
  REQUIRE_THAT(error.what(), ContainsSubstring("ended meanwhile"));
}

TEST_CASE("replies byte by byte change nothing") {
  const Error error = failure_with(R"({"chunk": 1, "guest": [{"panic": true}]})");
  REQUIRE(error.kind() == ErrorKind::exited);
  REQUIRE_THAT(error.what(), ContainsSubstring("panic"));
}
