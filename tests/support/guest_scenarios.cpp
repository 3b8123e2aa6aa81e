// SPDX-License-Identifier: MIT
// What the tiny guests do, on a real QEMU and on the fake one alike: this keeps the fake honest.
#include "tests/support/catch.hpp"
#include "tests/support/process_leak_guard.hpp"
#include "tests/support/qemu_session.hpp"

#include <vmfleet/testkit/async_test.hpp>
#include <vmfleet/testkit/catch2.hpp>

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

const std::string kReady = "vmfleet: guest ready\n";

Task<std::string> serial_of(SessionOptions options, std::string until) {
  Loop& loop = co_await current_loop();
  ProcessLeakGuard guard;
  std::string seen;
  {
    QemuSession session(loop, options);
    co_await session.start();
    seen = co_await session.serial_until(std::move(until));
  }
  co_return seen;
}

// Runs a guest that ends by itself; gives the exit code and the reason in the event log.
Task<std::string> end_of(SessionOptions options) {
  Loop& loop = co_await current_loop();
  QemuSession session(loop, options);
  co_await session.start();
  const json::Value event = co_await session.event("SHUTDOWN");
  const ExitStatus status = co_await session.wait();
  co_return std::string(event["data"].text("reason")) + ", " + status.describe();
}

}  // namespace

VMFLEET_ASYNC_TEST_CASE("marker prints the ready line and nothing else") {
  const std::string seen = co_await serial_of(SessionOptions("marker"), kReady);
  REQUIRE(seen == kReady);
}

VMFLEET_ASYNC_TEST_CASE("echo returns what it is sent") {
  Loop& loop = co_await current_loop();
  const SessionOptions options("echo");
  QemuSession session(loop, options);
  co_await session.start();
  co_await session.serial_until(kReady);
  session.type("one two\n");
  const std::string seen = co_await session.serial_until("two\n");
  REQUIRE(seen == kReady + "one two\n");
}

VMFLEET_ASYNC_TEST_CASE("login prompts without a newline and greets by the name that is typed") {
  Loop& loop = co_await current_loop();
  const SessionOptions options("login");
  QemuSession session(loop, options);
  co_await session.start();
  co_await session.serial_until("login: ");
  session.type("ada\n");
  const std::string seen = co_await session.serial_until("welcome ada\nlogin: ");
  REQUIRE(seen == "login: ada\nwelcome ada\nlogin: ");
}

VMFLEET_ASYNC_TEST_CASE("flood prints as many lines as it is told, without a gap") {
  SessionOptions options("flood");
  options.append = "lines=300";
  const std::string seen = co_await serial_of(options, kReady);
  std::string expected;
  for (int i = 0; i < 300; ++i) {
    const std::string number = std::to_string(i);
    expected += "line " + std::string(8 - number.size(), '0') + number + "\n";
  }
  REQUIRE(seen == expected + kReady);
}

VMFLEET_ASYNC_TEST_CASE("count counts after the ready line") {
  const std::string seen = co_await serial_of(SessionOptions("count"), "count 00000004\n");
  REQUIRE(seen.rfind(kReady + "count 00000000\ncount 00000001\n", 0) == 0);
}

VMFLEET_ASYNC_TEST_CASE("late prints the ready line in the end") {
  SessionOptions options("late");
  options.append = "20";
  const std::string seen = co_await serial_of(options, kReady);
  REQUIRE(seen == kReady);
}

VMFLEET_ASYNC_TEST_CASE("say prints its argument") {
  SessionOptions options("say");
  options.append = "Oops: 0000 [#1], with a comma";
  const std::string seen = co_await serial_of(options, kReady);
  REQUIRE(seen == "Oops: 0000 [#1], with a comma\n" + kReady);
}

VMFLEET_ASYNC_TEST_CASE("hang and halt run without a word") {
  Loop& loop = co_await current_loop();
  for (const char* name : {"hang", "halt"}) {
    const SessionOptions options(name);
    QemuSession session(loop, options);
    co_await session.start();
    const json::Value reply = co_await session.command("query-status");
    REQUIRE(reply["return"].text("status") == "running");
    REQUIRE(std::filesystem::file_size(session.file("serial.log")) == 0);
  }
}

VMFLEET_ASYNC_TEST_CASE("reset and triple_fault reset the machine again and again") {
  Loop& loop = co_await current_loop();
  for (const char* name : {"reset", "triple_fault"}) {
    const SessionOptions options(name);
    QemuSession session(loop, options);
    co_await session.start();
    for (int i = 0; i < 3; ++i) {
      const json::Value event = co_await session.event("RESET");
      REQUIRE(event["data"].text("reason") == "guest-reset");
      REQUIRE(event["data"].flag("guest", false));
    }
  }
}

VMFLEET_ASYNC_TEST_CASE("a reset ends a machine that was told so") {
  SessionOptions options("reset");
  options.arguments = {"-action", "reboot=shutdown"};
  const std::string end = co_await end_of(options);
  REQUIRE(end == "guest-reset, exit code 0");
}

VMFLEET_ASYNC_TEST_CASE("poweroff ends QEMU with success") {
  const std::string end = co_await end_of(SessionOptions("poweroff"));
  REQUIRE(end == "guest-shutdown, exit code 0");
}

VMFLEET_ASYNC_TEST_CASE("exit_code chooses QEMU's exit code") {
  Loop& loop = co_await current_loop();
  SessionOptions options("exit_code");
  options.append = "21";
  options.arguments = {"-device", "isa-debug-exit,iobase=0xf4,iosize=4"};
  QemuSession session(loop, options);
  co_await session.start();
  const ExitStatus status = co_await session.wait();
  REQUIRE(status.describe() == "exit code 43");
}

VMFLEET_ASYNC_TEST_CASE("button switches off when its power button is pressed") {
  Loop& loop = co_await current_loop();
  const SessionOptions options("button");
  QemuSession session(loop, options);
  co_await session.start();
  co_await session.serial_until(kReady);
  co_await session.command("system_powerdown");
  co_await session.serial_until("vmfleet: guest switches off\n");
  const json::Value event = co_await session.event("SHUTDOWN");
  REQUIRE(event["data"].text("reason") == "guest-shutdown");
  const ExitStatus status = co_await session.wait();
  REQUIRE(status.success());
}

VMFLEET_ASYNC_TEST_CASE("marker does not hear its power button") {
  Loop& loop = co_await current_loop();
  const SessionOptions options("marker");
  QemuSession session(loop, options);
  co_await session.start();
  co_await session.serial_until(kReady);
  co_await session.command("system_powerdown");
  co_await session.event("POWERDOWN");
  const json::Value reply = co_await session.command("query-status");
  REQUIRE(reply["return"].flag("running", false));
}

VMFLEET_ASYNC_TEST_CASE("panic tells its pvpanic device, on either bus") {
  for (const char* device : {"pvpanic", "pvpanic-pci"}) {
    SessionOptions options("panic");
    options.arguments = {"-device", device, "-action", "panic=exit-failure"};
    const std::string end = co_await end_of(options);
    REQUIRE(end == "guest-panic, exit code 1");
  }
}

VMFLEET_ASYNC_TEST_CASE("a panic can pause the machine") {
  Loop& loop = co_await current_loop();
  SessionOptions options("panic");
  options.arguments = {"-device", "pvpanic-pci", "-action", "panic=pause"};
  QemuSession session(loop, options);
  co_await session.start();
  const json::Value event = co_await session.event("GUEST_PANICKED");
  REQUIRE(event["data"].text("action") == "pause");
  co_await session.event("STOP");
  const json::Value reply = co_await session.command("query-status");
  REQUIRE(reply["return"].text("status") == "guest-panicked");
}
