// SPDX-License-Identifier: MIT
// How QEMU talks and ends, the real one and the fake one alike.
#include "tests/support/catch.hpp"
#include "tests/support/qemu_session.hpp"

#include <csignal>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <vmfleet/testkit/catch2.hpp>

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

// A listening socket on a free port of the loopback interface.
UniqueFd take_port(std::uint16_t& port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  REQUIRE(::bind(fd.get(), generic, size) == 0);
  REQUIRE(::listen(fd.get(), 1) == 0);
  REQUIRE(::getsockname(fd.get(), generic, &size) == 0);
  port = ntohs(address.sin_port);
  return fd;
}

}  // namespace

VMFLEET_ASYNC_TEST_CASE("commands before the negotiation are refused") {
  Loop& loop = co_await current_loop();
  const SessionOptions options("halt");
  QemuSession session(loop, options);
  co_await session.connect();
  const json::Value again = co_await session.command("qmp_capabilities");
  REQUIRE(again["error"].text("class") == "CommandNotFound");
  const json::Value unknown = co_await session.command("make-coffee");
  REQUIRE(unknown["error"].text("desc") == "The command make-coffee has not been found");
}

VMFLEET_ASYNC_TEST_CASE("replies carry the id of their command, whatever it is") {
  Loop& loop = co_await current_loop();
  const SessionOptions options("halt");
  QemuSession session(loop, options);
  co_await session.connect();
  const json::Value reply =
      co_await session.exchange(R"({"execute":"query-status","id":{"a":[1,"}"]}})");
  REQUIRE(json::write(reply["id"]) == R"({"a":[1,"}"]})");
  REQUIRE(reply["return"].text("status") == "prelaunch");
}

VMFLEET_ASYNC_TEST_CASE("what is no command is answered with an error without an id") {
  Loop& loop = co_await current_loop();
  const SessionOptions options("halt");
  QemuSession session(loop, options);
  co_await session.connect();
  const json::Value reply = co_await session.exchange("{\"run\": 1}\n");
  REQUIRE(reply["error"].text("class") == "GenericError");
  REQUIRE(reply["id"].is_null());
}

VMFLEET_ASYNC_TEST_CASE("stop and cont change the status and are logged as events") {
  Loop& loop = co_await current_loop();
  const SessionOptions options("halt");
  QemuSession session(loop, options);
  co_await session.start();
  co_await session.event("RESUME");
  co_await session.command("stop");
  co_await session.event("STOP");
  json::Value reply = co_await session.command("query-status");
  REQUIRE(reply["return"].text("status") == "paused");
  co_await session.command("cont");
  reply = co_await session.command("query-status");
  REQUIRE(reply["return"].flag("running", false));
}

VMFLEET_ASYNC_TEST_CASE("the machine says its name and uuid") {
  Loop& loop = co_await current_loop();
  SessionOptions options("halt");
  const std::string uuid = "0f3a1c5e-8b6d-4f70-9a21-3c4d5e6f7081";
  options.arguments = {"-name", "guest=web-0,debug-threads=on", "-uuid", uuid};
  QemuSession session(loop, options);
  co_await session.connect();
  json::Value reply = co_await session.command("query-name");
  REQUIRE(reply["return"].text("name") == "web-0");
  reply = co_await session.command("query-uuid");
  REQUIRE(reply["return"].text("UUID") == uuid);
}

VMFLEET_ASYNC_TEST_CASE("the control socket serves one client after another") {
  Loop& loop = co_await current_loop();
  const SessionOptions options("halt");
  QemuSession session(loop, options);
  for (int i = 0; i < 3; ++i) {
    co_await session.connect();
    const json::Value reply = co_await session.command("query-status");
    REQUIRE(reply["return"].text("status") == "prelaunch");
  }
}

VMFLEET_ASYNC_TEST_CASE(
    "quit and SIGTERM both end with code 0, and only the event tells them apart") {
  Loop& loop = co_await current_loop();
  const SessionOptions options("halt");
  for (const bool by_signal : {false, true}) {
    QemuSession session(loop, options);
    co_await session.start();
    if (by_signal) {
      session.process().signal(SIGTERM);
    } else {
      co_await session.command("quit");
    }
    const json::Value event = co_await session.event("SHUTDOWN");
    REQUIRE(event["data"].text("reason") == (by_signal ? "host-signal" : "host-qmp-quit"));
    REQUIRE_FALSE(event["data"].flag("guest", true));
    const ExitStatus status = co_await session.wait();
    REQUIRE(status.describe() == "exit code 0");
    const bool named =
        session.standard_error().find("terminating on signal 15") != std::string::npos;
    REQUIRE(named == by_signal);
  }
}

VMFLEET_ASYNC_TEST_CASE("a forward without a host port gets a free one on the loopback interface") {
  Loop& loop = co_await current_loop();
  SessionOptions options("halt");
  options.arguments = {"-netdev",
                       R"({"type":"user","id":"net0","hostfwd":[{"str":"tcp:127.0.0.1:0-:22"}]})"};
  QemuSession session(loop, options);
  co_await session.connect();
  json::Object arguments;
  arguments.set("command-line", "info usernet");
  const json::Value reply = co_await session.command("human-monitor-command", std::move(arguments));
  const std::string text(reply.text("return"));
  REQUIRE_THAT(text, ContainsSubstring("TCP[HOST_FORWARD]"));
  REQUIRE_THAT(text, ContainsSubstring("127.0.0.1"));
  REQUIRE_THAT(text, ContainsSubstring("(net0):"));
}

VMFLEET_ASYNC_TEST_CASE("a forward to a port in use ends QEMU with code 1 and its own words") {
  Loop& loop = co_await current_loop();
  std::uint16_t port = 0;
  const UniqueFd taken = take_port(port);
  SessionOptions options("halt");
  const std::string rule = "tcp:127.0.0.1:" + std::to_string(port) + "-:22";
  options.arguments = {"-netdev", "user,id=net0,hostfwd=" + rule};
  QemuSession session(loop, options);
  const ExitStatus status = co_await session.wait();
  REQUIRE(status.describe() == "exit code 1");
  REQUIRE_THAT(session.standard_error(),
               ContainsSubstring("Could not set up host forwarding rule '" + rule + "'"));
}

VMFLEET_ASYNC_TEST_CASE("a pid file has one holder, and is gone after a clean end") {
  Loop& loop = co_await current_loop();
  const TempDir folder;
  SessionOptions options("halt");
  options.arguments = {"-pidfile", (folder / "pid").string()};
  QemuSession first(loop, options);
  co_await first.connect();
  QemuSession second(loop, options);
  const ExitStatus refused = co_await second.wait();
  REQUIRE(refused.describe() == "exit code 1");
  REQUIRE_THAT(second.standard_error(), ContainsSubstring("Cannot lock pid file"));
  co_await first.command("quit");
  co_await first.wait();
  REQUIRE_FALSE(std::filesystem::exists(folder / "pid"));
}

VMFLEET_ASYNC_TEST_CASE("a missing kernel ends QEMU with its name") {
  Loop& loop = co_await current_loop();
  SessionOptions options("halt");
  options.arguments = {"-kernel", "/nonexistent/kernel"};
  QemuSession session(loop, options);
  const ExitStatus status = co_await session.wait();
  REQUIRE(status.describe() == "exit code 1");
  REQUIRE_THAT(session.standard_error(),
               ContainsSubstring("could not open kernel file '/nonexistent/kernel'"));
}
