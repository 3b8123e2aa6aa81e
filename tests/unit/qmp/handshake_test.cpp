// SPDX-License-Identifier: MIT
// Greeting and capabilities, and servers that spoil them.
#include <unistd.h>

#include <filesystem>

#include <vmfleet/async/when.hpp>

#include "server.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using qmp::Client;
using qmp::Value;
using qmp::test::failure_of;
using qmp::test::Server;

namespace {

/// Shakes hands with `serve(Server&)`; the error, if any.
template <class Serve>
std::optional<Error> shake_hands(Serve serve, qmp::ClientOptions options = qmp::ClientOptions()) {
  Loop loop;
  std::optional<Error> failure;
  auto both = [&](TaskGroup& group) -> Task<void> {
    auto ends = qmp::test::socket_pair();
    auto run_server = [&serve](UnixSocket socket) -> Task<void> {
      Server server(std::move(socket));
      co_await serve(server);
    };
    group.start(run_server, UnixSocket::adopt(loop, std::move(ends.second)));
    failure = co_await failure_of(
        Client::handshake(UnixSocket::adopt(loop, std::move(ends.first)), options));
    group.cancel();
  };
  loop.run(with_timeout(Milliseconds(60'000), with_task_group(both)));
  return failure;
}

qmp::ClientOptions soon() {
  qmp::ClientOptions options;
  options.greeting_timeout = Milliseconds(20);
  return options;
}

}  // namespace

TEST_CASE("the handshake keeps the greeting") {
  auto serve = [](Server&) -> Task<void> { co_return; };
  auto use = [](Client& client) -> Task<void> {
    REQUIRE(client.greeting().version() == "7.2.22");
    co_return;
  };
  qmp::test::converse(serve, use);
}

TEST_CASE("the handshake asks for no capability unless told to") {
  auto serve = [](Server& server) -> Task<void> {
    co_await server.say(qmp::test::kGreeting);
    const Value command = co_await server.hear();
    REQUIRE(command.text("execute") == "qmp_capabilities");
    REQUIRE(command["arguments"] == Value(json::Object()));
    co_await server.answer(command, Value(json::Object()));
  };
  REQUIRE_FALSE(shake_hands(serve));
}

TEST_CASE("the handshake asks for oob when told to and when it is offered") {
  qmp::ClientOptions options;
  options.out_of_band = true;
  auto offers = [](Server& server) -> Task<void> {
    co_await server.say(qmp::test::kGreeting);
    const Value command = co_await server.hear();
    REQUIRE(json::write(command["arguments"]) == R"({"enable":["oob"]})");
    co_await server.answer(command, Value(json::Object()));
  };
  REQUIRE_FALSE(shake_hands(offers, options));
  auto offers_nothing = [](Server& server) -> Task<void> {
    co_await server.say(R"({"QMP": {"version": {}, "capabilities": []}})");
    const Value command = co_await server.hear();
    REQUIRE(json::write(command["arguments"]) == "{}");
    co_await server.answer(command, Value(json::Object()));
  };
  REQUIRE_FALSE(shake_hands(offers_nothing, options));
}

TEST_CASE("a silent peer is reported as one that serves another client") {
  auto serve = [](Server& server) -> Task<void> { co_await server.hear(); };
  const auto error = shake_hands(serve, soon());
  REQUIRE(error);
  REQUIRE(error->kind() == ErrorKind::timed_out);
  REQUIRE_THAT(error->message(), ContainsSubstring("connected, but the server is silent"));
  REQUIRE_THAT(error->message(), ContainsSubstring("another client"));
}

TEST_CASE("a peer that falls silent in the middle of its greeting is quoted") {
  auto serve = [](Server& server) -> Task<void> {
    co_await server.say("{\"QMP\": {\"vers");
    co_await server.hear();
  };
  const auto error = shake_hands(serve, soon());
  REQUIRE(error);
  REQUIRE(error->kind() == ErrorKind::timed_out);
  REQUIRE_THAT(error->evidence().front(), ContainsSubstring("{\"QMP\": {\"vers"));
}

TEST_CASE("a peer that greets and then falls silent is a timeout of qmp_capabilities") {
  auto serve = [](Server& server) -> Task<void> {
    co_await server.say(qmp::test::kGreeting);
    co_await server.hear();
    co_await server.hear();
  };
  const auto error = shake_hands(serve, soon());
  REQUIRE(error);
  REQUIRE(error->kind() == ErrorKind::timed_out);
  REQUIRE_THAT(error->message(), ContainsSubstring("qmp_capabilities"));
}

TEST_CASE("a peer that speaks another protocol is quoted") {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0-OpenSSH_9.2"},
      {"QEMU 7.2 monitor - type 'help' for more information\r\n(qemu) ", "type 'help'"},
      {"{\"hello\": 1}", "{\"hello\": 1}"},
  };
  for (const auto& [said, quoted] : cases) {
    const std::string text = said;
    auto serve = [&text](Server& server) -> Task<void> {
      co_await server.say(text);
      co_await server.hear();
    };
    const auto error = shake_hands(serve);
    REQUIRE(error);
    REQUIRE(error->kind() == ErrorKind::protocol);
    REQUIRE_THAT(error->message(), ContainsSubstring("does not speak QMP"));
    REQUIRE_THAT(error->evidence().front(), ContainsSubstring(quoted));
  }
}

TEST_CASE("a reply where the greeting belongs is a protocol error") {
  auto serve = [](Server& server) -> Task<void> {
    co_await server.say("{\"return\": {}}");
    co_await server.hear();
  };
  const auto error = shake_hands(serve);
  REQUIRE(error);
  REQUIRE(error->kind() == ErrorKind::protocol);
}

TEST_CASE("a peer that closes before its greeting is disconnected") {
  auto serve = [](Server& server) -> Task<void> {
    server.close();
    co_return;
  };
  const auto error = shake_hands(serve);
  REQUIRE(error);
  REQUIRE(error->kind() == ErrorKind::disconnected);
}

TEST_CASE("refused capabilities are QEMU's own words") {
  auto serve = [](Server& server) -> Task<void> {
    co_await server.say(qmp::test::kGreeting);
    const Value command = co_await server.hear();
    co_await server.refuse(command, "GenericError", "not today");
  };
  const auto error = shake_hands(serve);
  REQUIRE(error);
  REQUIRE_THAT(error->message(), ContainsSubstring("not today"));
}

TEST_CASE("connecting to a path that does not exist names it") {
  Loop loop;
  const auto error = loop.run(failure_of(Client::connect("/nonexistent/control.sock")));
  REQUIRE(error);
  REQUIRE(error->kind() == ErrorKind::not_found);
  REQUIRE_THAT(error->message(), ContainsSubstring("/nonexistent"));
}

TEST_CASE("a listener that accepts nobody is a timeout that says so") {
  const auto path = std::filesystem::temp_directory_path() /
                    ("vmfleet-qmp-" + std::to_string(::getpid()) + ".sock");
  const UniqueFd listener = listen_unix(path);
  Loop loop;
  std::vector<Task<std::optional<Error>>> tasks;
  for (int i = 0; i < 40; ++i) tasks.push_back(failure_of(Client::connect(path, soon())));
  const auto failures = loop.run(when_all(std::move(tasks)));
  std::filesystem::remove(path);
  REQUIRE(failures.back()->kind() == ErrorKind::timed_out);
  REQUIRE_THAT(failures.back()->what(), ContainsSubstring("queue of connections is full"));
  REQUIRE_THAT(failures.back()->hint(), ContainsSubstring("fuser " + path.string()));
  REQUIRE_THAT(failures.front()->what(), ContainsSubstring("no greeting"));
}
