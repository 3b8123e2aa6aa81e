// SPDX-License-Identifier: MIT
// Servers that leave, say nonsense, or do not say which command they mean.
#include <vmfleet/async/event.hpp>
#include <vmfleet/async/when.hpp>

#include "server.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using qmp::Client;
using qmp::Value;
using namespace qmp::test;

TEST_CASE("a closed peer fails every waiting command once, with its name, and all later ones") {
  auto serve = [](Server& server) -> Task<void> {
    for (int i = 0; i < 3; ++i) co_await server.hear();
    server.close();
  };
  auto use = [](Client& client) -> Task<void> {
    std::vector<Task<std::optional<Error>>> tasks;
    for (const char* name : {"one", "two", "three"}) {
      tasks.push_back(failure_of(client.execute(name)));
    }
    const auto failures = co_await when_all(std::move(tasks));
    REQUIRE(failures[0]->kind() == ErrorKind::disconnected);
    REQUIRE_THAT(failures[0]->what(), ContainsSubstring("one: "));
    REQUIRE_THAT(failures[1]->what(), ContainsSubstring("two: "));
    REQUIRE_THAT(failures[2]->what(), ContainsSubstring("three: "));
    const auto later = co_await failure_of(client.execute("later"));
    REQUIRE(later->kind() == ErrorKind::disconnected);
  };
  converse(serve, use);
}

TEST_CASE("what a peer said before it closed still counts") {
  auto serve = [](Server& server) -> Task<void> {
    const Value command = co_await server.hear();
    co_await server.answer(command, Value("bye"));
    server.close();
  };
  auto use = [](Client& client) -> Task<void> {
    const Value value = co_await client.execute("quit");
    REQUIRE(*value.as_string() == "bye");
  };
  converse(serve, use);
}

TEST_CASE("garbled output fails the commands in flight, and the next one works") {
  auto serve = [](Server& server) -> Task<void> {
    co_await server.hear();
    co_await server.hear();
    co_await server.say("Segmentation fault\n");
    co_await echo(server);
  };
  auto use = [](Client& client) -> Task<void> {
    auto tasks = when_all(failure_of(client.execute("a")), failure_of(client.execute("b")));
    const auto [first, second] = co_await std::move(tasks);
    REQUIRE(first->kind() == ErrorKind::protocol);
    REQUIRE(second->kind() == ErrorKind::protocol);
    REQUIRE(first->evidence().front() == "Segmentation fault");
    const Value value = co_await client.execute("echo", numbered(3));
    REQUIRE(value.integer("n", 0) == 3);
  };
  converse(serve, use);
}

TEST_CASE("an error without an id belongs to the only command in flight") {
  auto serve = [](Server& server) -> Task<void> {
    co_await server.hear();
    co_await server.say(R"({"error": {"class": "GenericError", "desc": "JSON parse error"}})");
  };
  auto use = [](Client& client) -> Task<void> {
    const qmp::Reply reply = co_await client.try_execute("a");
    REQUIRE(reply.error->description == "JSON parse error");
  };
  converse(serve, use);
}

TEST_CASE("an error without an id fails all commands in flight when there are several") {
  auto serve = [](Server& server) -> Task<void> {
    co_await server.hear();
    co_await server.hear();
    co_await server.say(R"({"error": {"class": "GenericError", "desc": "JSON parse error"}})");
  };
  auto use = [](Client& client) -> Task<void> {
    auto tasks = when_all(failure_of(client.execute("a")), failure_of(client.execute("b")));
    const auto [first, second] = co_await std::move(tasks);
    REQUIRE(first->kind() == ErrorKind::protocol);
    REQUIRE(second->kind() == ErrorKind::protocol);
    REQUIRE(second->evidence().front() == "JSON parse error");
  };
  converse(serve, use);
}

TEST_CASE("a command that the server could not read costs later commands nothing") {
  const std::string refusal = R"({"error": {"class": "GenericError", "desc": "JSON parse error"}})";
  auto serve = [&refusal](Server& server) -> Task<void> {
    co_await server.hear();
    co_await server.say(refusal);  // QEMU says several for one command
    const Value next = co_await server.hear();
    co_await server.say(refusal + refusal);
    co_await server.answer(next, Value("next"));
    co_await server.hear();
    co_await server.say(refusal);
  };
  auto use = [](Client& client) -> Task<void> {
    const qmp::Reply reply = co_await client.try_execute("unreadable");
    REQUIRE_FALSE(reply.ok());
    const Value value = co_await client.execute("next");
    REQUIRE(*value.as_string() == "next");
    const qmp::Reply again = co_await client.try_execute("unreadable");
    REQUIRE_FALSE(again.ok());
  };
  converse(serve, use);
}

TEST_CASE("a server that never sends ids can be used with one command at a time") {
  auto serve = [](UnixSocket socket) -> Task<void> {
    Server server(std::move(socket));
    co_await server.say(kGreeting);
    co_await server.hear();
    co_await server.say("{\"return\": {}}");
    for (int i = 0; i < 2; ++i) {
      co_await server.hear();
      co_await server.say(R"({"error": {"class": "GenericError", "desc": "no"}})");
      co_await server.hear();
      co_await server.say(R"({"return": 1})");
    }
  };
  auto use = [](Client& client) -> Task<void> {
    for (int i = 0; i < 2; ++i) {
      const qmp::Reply refused = co_await client.try_execute("a");
      REQUIRE(refused.error->description == "no");
      const Value value = co_await client.execute("b");
      REQUIRE(value.as_int() == 1);
    }
  };
  converse_from_greeting(serve, use);
}

TEST_CASE("a reply without an id is not given to a command when another was abandoned") {
  auto serve = [](Server& server) -> Task<void> {
    co_await server.hear();
    co_await server.hear();
    co_await server.say(R"({"return": "whose?"})");
  };
  auto use = [](Client& client) -> Task<void> {
    co_await failure_of(client.execute("abandoned", Value(), within(Milliseconds(20))));
    const auto error = co_await failure_of(client.execute("b"));
    REQUIRE(error->kind() == ErrorKind::protocol);
  };
  converse(serve, use);
}

TEST_CASE("a peer that stops reading makes the command time out and ends the connection") {
  Event done;  // the server's end stays open meanwhile
  auto serve = [&done](Server& server) -> Task<void> {
    co_await server.event("STOP");
    co_await done.wait();
  };
  auto use = [&done](Client& client) -> Task<void> {
    json::Object arguments;
    arguments.append("text", std::string(8'000'000, 'x'));
    const auto error = co_await failure_of(
        client.execute("big", Value(std::move(arguments)), within(Milliseconds(50))));
    REQUIRE(error->kind() == ErrorKind::timed_out);
    const auto later = co_await failure_of(client.execute("later"));
    REQUIRE(later->kind() == ErrorKind::disconnected);
    done.set();
  };
  converse(serve, use);
}

TEST_CASE("destroying a client fails what waits") {
  auto serve = [](Server& server) -> Task<void> {
    co_await server.hear();
    co_await server.hear();
  };
  auto use = [](Client& client) -> Task<void> {
    auto body = [&](TaskGroup& group) -> Task<void> {
      auto wait = [&]() -> Task<void> {
        const auto error = co_await failure_of(client.execute("wait"));
        REQUIRE(error->kind() == ErrorKind::disconnected);
      };
      group.start(wait);
      co_await yield_now();
      const Client owner = std::move(client);
    };
    co_await with_task_group(body);
  };
  converse(serve, use);
}
