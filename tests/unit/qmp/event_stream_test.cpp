// SPDX-License-Identifier: MIT
#include <vmfleet/async/when.hpp>

#include "server.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using qmp::Client;
using qmp::Value;
using qmp::test::converse;
using qmp::test::failure_of;
using qmp::test::Server;

namespace {

/// At each command, the events that its arguments name, then the reply.
Task<void> emit_on_command(Server& server) {
  for (;;) {
    const Value command = co_await server.hear();
    if (command.is_null()) co_return;
    for (const Value& name : *command["arguments"]["events"].as_array()) {
      co_await server.event(*name.as_string());
    }
    co_await server.answer(command, Value(json::Object()));
  }
}

Value emitting(std::vector<std::string> names) {
  json::Array array;
  for (auto& name : names) array.push_back(Value(std::move(name)));
  json::Object arguments;
  arguments.append("events", std::move(array));
  return arguments;
}

}  // namespace

TEST_CASE("a stream has the events from its making on, in order, with their time") {
  auto use = [](Client& client) -> Task<void> {
    Value before = emitting(std::vector<std::string>(1, "EARLY"));
    co_await client.execute("emit", std::move(before));
    qmp::EventStream stream = client.events();
    std::vector<std::string> names(1, "STOP");
    names.push_back("RESUME");
    co_await client.execute("emit", emitting(std::move(names)));
    const qmp::Event first = co_await stream.next();
    const qmp::Event second = co_await stream.next();
    REQUIRE(first.name == "STOP");
    REQUIRE(first.timestamp.time_since_epoch().count() == 1'000'002);
    REQUIRE(second.name == "RESUME");
  };
  converse(&emit_on_command, use);
}

TEST_CASE("each stream has its own queue and its own choice of names") {
  auto use = [](Client& client) -> Task<void> {
    qmp::EventStreamOptions options;
    options.names.push_back("RESUME");
    qmp::EventStream chosen = client.events(options);
    qmp::EventStream all = client.events();
    std::vector<std::string> names(1, "STOP");
    names.push_back("RESUME");
    co_await client.execute("emit", emitting(std::move(names)));
    const qmp::Event resume = co_await chosen.next();
    REQUIRE(resume.name == "RESUME");
    const qmp::Event stop = co_await all.next();
    REQUIRE(stop.name == "STOP");
    const qmp::Event last = co_await all.next();
    REQUIRE(last.name == "RESUME");
  };
  converse(&emit_on_command, use);
}

TEST_CASE("a stream that is not read drops its oldest events, counts them, and delays no reply") {
  auto use = [](Client& client) -> Task<void> {
    qmp::EventStreamOptions options;
    options.capacity = 10;
    qmp::EventStream stream = client.events(options);
    std::vector<std::string> names(990, "OLD");
    for (int i = 0; i < 10; ++i) names.push_back("E" + std::to_string(i));
    co_await client.execute("emit", emitting(std::move(names)));
    REQUIRE(stream.dropped() == 990);
    const qmp::Event oldest = co_await stream.next();
    REQUIRE(oldest.name == "E0");
  };
  converse(&emit_on_command, use);
}

TEST_CASE("waiting for an event reads for the commands too, and the other way round") {
  auto use = [](Client& client) -> Task<void> {
    qmp::EventStream stream = client.events();
    std::vector<std::string> names(3, "OTHER");
    names.push_back("SHUTDOWN");
    auto tasks =
        when_all(stream.wait_for("SHUTDOWN"), client.execute("emit", emitting(std::move(names))));
    const auto [event, reply] = co_await std::move(tasks);
    REQUIRE(event.name == "SHUTDOWN");
    REQUIRE(reply.is_object());
  };
  converse(&emit_on_command, use);
}

TEST_CASE("a cancelled wait loses no event") {
  auto use = [](Client& client) -> Task<void> {
    qmp::EventStream stream = client.events();
    const auto error = co_await failure_of(with_timeout(Milliseconds(5), stream.next()));
    REQUIRE(error->kind() == ErrorKind::timed_out);
    co_await client.execute("emit", emitting(std::vector<std::string>(1, "STOP")));
    const qmp::Event event = co_await stream.next();
    REQUIRE(event.name == "STOP");
  };
  converse(&emit_on_command, use);
}

TEST_CASE("queued events can be read after the end, then the stream says why it ended") {
  auto serve = [](Server& server) -> Task<void> {
    co_await server.hear();
    co_await server.event("SHUTDOWN");
    server.close();
  };
  auto use = [](Client& client) -> Task<void> {
    qmp::EventStream stream = client.events();
    const auto quit = co_await failure_of(client.execute("quit"));
    REQUIRE(quit->kind() == ErrorKind::disconnected);
    const qmp::Event event = co_await stream.next();
    REQUIRE(event.name == "SHUTDOWN");
    const auto end = co_await failure_of(stream.next());
    REQUIRE(end->kind() == ErrorKind::disconnected);
  };
  converse(serve, use);
}

TEST_CASE("a stream may outlive its client") {
  auto use = [](Client& client) -> Task<void> {
    qmp::EventStream stream = client.events();
    co_await client.execute("emit", emitting(std::vector<std::string>(1, "STOP")));
    { const Client owner = std::move(client); }
    const qmp::Event event = co_await stream.next();
    REQUIRE(event.name == "STOP");
    const auto end = co_await failure_of(stream.next());
    REQUIRE(end->kind() == ErrorKind::disconnected);
    auto ends = qmp::test::socket_pair();
  };
  Loop loop;
  auto both = [&](TaskGroup& group) -> Task<void> {
    auto ends = qmp::test::socket_pair();
    auto run_server = [&](UnixSocket socket) -> Task<void> {
      Server server(std::move(socket));
      co_await server.greet();
      co_await emit_on_command(server);
    };
    group.start(run_server, UnixSocket::adopt(loop, std::move(ends.second)));
    Client client = co_await Client::handshake(UnixSocket::adopt(loop, std::move(ends.first)));
    co_await use(client);
  };
  loop.run(with_timeout(Milliseconds(60'000), with_task_group(both)));
}

TEST_CASE("run reads while nothing waits") {
  auto use = [](Client& client) -> Task<void> {
    qmp::EventStream stream = client.events();
    auto body = [&](TaskGroup& group) -> Task<void> {
      auto run = [&]() -> Task<void> { co_await client.run(); };
      group.start(run);
      co_await client.execute("emit", emitting(std::vector<std::string>(1, "STOP")));
      const qmp::Event event = co_await stream.next();
      REQUIRE(event.name == "STOP");
      group.cancel();
    };
    co_await with_task_group(body);
    co_await client.execute("emit", emitting(std::vector<std::string>()));
  };
  converse(&emit_on_command, use);
}
