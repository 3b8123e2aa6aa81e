// SPDX-License-Identifier: MIT
// What only the fake QEMU does: misbehaving as its script says.
#include <csignal>
#include <fstream>

#include <vmfleet/io/tcp_socket.hpp>
#include <vmfleet/testkit/catch2.hpp>
#include <vmfleet/testkit/fake_qemu.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/qemu_session.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

std::filesystem::path vmfleet::test::qemu_under_test() {
  return testkit::fake_qemu_path();
}

namespace {

SessionOptions scripted(const std::string& script, const std::string& guest = "marker") {
  SessionOptions options(guest);
  options.environment = {"FAKE_QEMU_SCRIPT=" + script};
  return options;
}

}  // namespace

VMFLEET_ASYNC_TEST_CASE("a script may end it at once with its own words") {
  Loop& loop = co_await current_loop();
  const SessionOptions options = scripted(R"({"exit": {"code": 7, "stderr": "no, thanks\n"}})");
  QemuSession session(loop, options);
  const ExitStatus status = co_await session.wait();
  REQUIRE(status.describe() == "exit code 7");
  REQUIRE(session.standard_error() == "no, thanks\n");
}

VMFLEET_ASYNC_TEST_CASE("a script may be a file and differ by machine") {
  Loop& loop = co_await current_loop();
  const TempDir folder;
  std::ofstream(folder / "script.json") << R"({"machines": {"web-1": {"exit": {"code": 3}}}})";
  for (const char* name : {"web-0", "web-1"}) {
    SessionOptions options = scripted((folder / "script.json").string());
    options.arguments = {"-name", name};
    QemuSession session(loop, options);
    if (std::string(name) == "web-0") {
      co_await session.start();
      co_await session.command("quit");
    }
    const ExitStatus status = co_await session.wait();
    REQUIRE(status.code == (std::string(name) == "web-0" ? 0 : 3));
  }
}

VMFLEET_ASYNC_TEST_CASE("replies may arrive byte by byte") {
  Loop& loop = co_await current_loop();
  const SessionOptions options = scripted(R"({"chunk": 1})");
  QemuSession session(loop, options);
  co_await session.start();
  const json::Value reply = co_await session.command("query-status");
  REQUIRE(reply["return"].flag("running", false));
}

VMFLEET_ASYNC_TEST_CASE("the greeting may be other bytes") {
  Loop& loop = co_await current_loop();
  const SessionOptions options = scripted(R"({"greeting": "220 mail ready\r\n"})");
  QemuSession session(loop, options);
  UnixSocket socket = co_await UnixSocket::connect(session.file("control.sock"));
  char buffer[64];
  const std::size_t count = co_await socket.read(buffer);
  REQUIRE(std::string(buffer, count) == "220 mail ready\r\n");
}

VMFLEET_ASYNC_TEST_CASE("a connection may close in the middle of a reply") {
  Loop& loop = co_await current_loop();
  const SessionOptions options = scripted(R"({"replies": {"query-status": {"close_after": 10}}})");
  QemuSession session(loop, options);
  co_await session.connect();
  bool failed = false;
  try {
    co_await session.command("query-status");
  } catch (const Error& error) {
    failed = error.kind() == ErrorKind::disconnected;
  }
  REQUIRE(failed);
}

VMFLEET_ASYNC_TEST_CASE("a command may have its own reply, raw bytes, or none") {
  Loop& loop = co_await current_loop();
  const SessionOptions options = scripted(R"({"replies": {
      "query-status": {"return": {"status": "odd"}},
      "query-name": {"raw": "{\"return\": \"raw\"}\n"},
      "query-uuid": {"never": true}}})");
  QemuSession session(loop, options);
  co_await session.connect();
  json::Value reply = co_await session.command("query-status");
  REQUIRE(reply["return"].text("status") == "odd");
  reply = co_await session.command("query-name");
  REQUIRE(reply.text("return") == "raw");
  // The next reply belongs to the second of these.
  reply = co_await session.exchange(R"({"execute":"query-uuid"}{"execute":"stop","id":5})");
  REQUIRE(reply["id"] == json::Value(5));
}

VMFLEET_ASYNC_TEST_CASE("it may vanish instead of answering") {
  Loop& loop = co_await current_loop();
  const SessionOptions options = scripted(R"({"replies": {"query-status": {"vanish": true}}})");
  QemuSession session(loop, options);
  co_await session.connect();
  bool failed = false;
  try {
    co_await session.command("query-status");
  } catch (const Error&) {
    failed = true;
  }
  REQUIRE(failed);
  const ExitStatus status = co_await session.wait();
  REQUIRE(status.signal == SIGKILL);
}

VMFLEET_ASYNC_TEST_CASE("it may ignore SIGTERM, quit and the power button") {
  Loop& loop = co_await current_loop();
  const SessionOptions options =
      scripted(R"({"ignore": ["sigterm", "quit", "powerdown"]})", "button");
  QemuSession session(loop, options);
  co_await session.start();
  co_await session.command("system_powerdown");
  co_await session.command("quit");
  session.process().signal(SIGTERM);
  const json::Value reply = co_await session.command("query-status");
  REQUIRE(reply["return"].flag("running", false));
  session.process().signal(SIGKILL);
  const ExitStatus status = co_await session.wait();
  REQUIRE(status.signal == SIGKILL);
}

VMFLEET_ASYNC_TEST_CASE("a guest's steps wait for commands, input and files") {
  Loop& loop = co_await current_loop();
  const TempDir folder;
  const SessionOptions options = scripted(R"({"guest": [
      {"wait_command": "query-status"}, {"write": "asked\n"},
      {"wait_input": "go"}, {"write": "told\n"},
      {"wait_path": ")" + (folder / "gate").string() +
                                          R"("}, {"write": "open\n"}]})");
  QemuSession session(loop, options);
  co_await session.start();
  co_await session.command("query-status");
  co_await session.serial_until("asked\n");
  session.type("let it go\n");
  co_await session.serial_until("told\n");
  std::ofstream(folder / "gate") << "";
  const std::string seen = co_await session.serial_until("open\n");
  REQUIRE(seen == "asked\ntold\nopen\n");
}

VMFLEET_ASYNC_TEST_CASE("a guest may send any event, many times") {
  Loop& loop = co_await current_loop();
  const SessionOptions options =
      scripted(R"({"guest": [{"event": "WATCHDOG", "data": {"action": "none"}, "times": 100}]})");
  QemuSession session(loop, options);
  co_await session.start();
  for (int i = 0; i < 100; ++i) {
    const json::Value event = co_await session.event("WATCHDOG");
    REQUIRE(event["data"].text("action") == "none");
  }
}

VMFLEET_ASYNC_TEST_CASE("a guest's service sends its banner through the forward") {
  Loop& loop = co_await current_loop();
  SessionOptions options = scripted(R"({"guest": [{"listen": 22, "banner": "SSH-2.0-fake\r\n"}]})");
  options.arguments = {"-netdev", "user,id=n0,hostfwd=tcp:127.0.0.1:0-:22"};
  QemuSession session(loop, options);
  co_await session.start();
  json::Object arguments;
  arguments.set("command-line", "info usernet");
  const json::Value reply = co_await session.command("human-monitor-command", std::move(arguments));
  const std::string text(reply.text("return"));
  const auto at = text.rfind("127.0.0.1") + 10;
  const auto port = static_cast<std::uint16_t>(std::stoi(text.substr(at)));
  TcpSocket socket = co_await TcpSocket::connect("127.0.0.1", port);
  char buffer[64];
  const std::size_t count = co_await socket.read(buffer);
  REQUIRE(std::string(buffer, count) == "SSH-2.0-fake\r\n");
}
