// SPDX-License-Identifier: MIT
// A QEMU that misbehaves while it is launched: an error that says how, and nothing left.
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <functional>

#include <vmfleet/async/offload.hpp>
#include <vmfleet/async/when.hpp>
#include <vmfleet/io/unix_socket.hpp>
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

/// Ends its own direction only, so that it can be seen when the other side has found out. Blocking.
UniqueFd accept_and_hang_up(const UniqueFd& listener) {
  pollfd ready{listener.get(), POLLIN, 0};
  ::poll(&ready, 1, -1);
  UniqueFd connection(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  ::shutdown(connection.get(), SHUT_WR);
  return connection;
}

Task<void> await_end_of(UnixSocket socket) {
  std::array<char, 256> buffer;
  for (std::size_t count = 1; count > 0;) count = co_await socket.read(buffer);
}

Task<void> ask_for_agent(Machine& machine) {
  co_await machine.agent_port();
}

Task<void> add_web(Machine& machine) {
  const Forward web("web", 80);
  co_await machine.add_forward(web);
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
  REQUIRE_THAT(error.message(), ContainsSubstring("the forward ssh"));
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
  REQUIRE_THAT(std::string(error.message()) + (error.evidence().empty() ? "" : error.evidence()[0]),
               ContainsSubstring("Resetting the Virtual Machine"));
}

TEST_CASE("a QEMU that dies after the launch fails the wait at once") {
  const Error error = failure_with(R"({"guest": [{"kill": 9}]})");
  REQUIRE(error.kind() == ErrorKind::exited);
  REQUIRE_THAT(error.message(), ContainsSubstring("signal 9"));
}

TEST_CASE("a program whose QEMU closes its sockets and then ends has ended with it") {
  auto work = []() -> Task<void> {
    Machine machine = co_await Machine::launch(config_of("marker"), LaunchOptions());
    Loop& loop = co_await current_loop();
    const auto agent = machine.directory() / instance_file::kAgent;
    std::filesystem::remove(agent);
    const UniqueFd listener = listen_unix(agent);
    auto end = [&]() -> Task<void> {
      auto hang_up = [&] { return accept_and_hang_up(listener); };
      UniqueFd connection = co_await offload(hang_up);
      co_await await_end_of(UnixSocket::adopt(loop, std::move(connection)));
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
  REQUIRE_THAT(error.message(), ContainsSubstring("ended meanwhile"));
}

TEST_CASE("whatever is asked of a QEMU that ends over it fails since it has ended") {
  const std::vector<std::pair<std::string, std::function<Task<void>(Machine&)>>> questions{
      {"stop", [](Machine& machine) { return machine.pause(); }},
      {"system_reset", [](Machine& machine) { return machine.reset(); }},
      {"query-chardev", [](Machine& machine) { return ask_for_agent(machine); }},
      {"human-monitor-command", [](Machine& machine) { return add_web(machine); }}};
  for (const auto& [command, ask] : questions) {
    INFO(command);
    const std::string script = R"({"replies": {")" + command + R"(": {"vanish": true}}})";
    ::setenv("FAKE_QEMU_SCRIPT", script.c_str(), 1);
    auto work = [&question = ask]() -> Task<void> {
      MachineConfig config = config_of("marker");
      config.nets.push_back(Net());
      Machine machine = co_await Machine::launch(std::move(config), LaunchOptions());
      co_await question(machine);
    };
    const Error error = testkit::run_async(error_of(work()));
    ::unsetenv("FAKE_QEMU_SCRIPT");
    REQUIRE_THAT(error.message(), ContainsSubstring("vm-0 ended meanwhile"));
    REQUIRE(error.kind() == ErrorKind::exited);
  }
}

TEST_CASE("replies byte by byte change nothing") {
  const Error error = failure_with(R"({"chunk": 1, "guest": [{"panic": true}]})");
  REQUIRE(error.kind() == ErrorKind::exited);
  REQUIRE_THAT(error.message(), ContainsSubstring("panic"));
}
