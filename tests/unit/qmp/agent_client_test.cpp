// SPDX-License-Identifier: MIT
#include <vmfleet/qmp/agent_client.hpp>

#include "server.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using qmp::AgentClient;
using qmp::Value;
using qmp::test::failure_of;
using qmp::test::Server;

namespace {

template <class Serve, class Use>
void attach_to(Serve serve, Use use) {
  Loop loop;
  auto both = [&](TaskGroup& group) -> Task<void> {
    auto ends = qmp::test::socket_pair();
    auto run_server = [&](UnixSocket socket) -> Task<void> {
      Server server(std::move(socket));
      co_await serve(server);
    };
    group.start(run_server, UnixSocket::adopt(loop, std::move(ends.second)));
    co_await use(UnixSocket::adopt(loop, std::move(ends.first)));
    group.cancel();
  };
  loop.run(with_timeout(Milliseconds(60'000), with_task_group(both)));
}

/// The sentinel and the command behind it.
Task<Value> hear_sync(Server& server) {
  char sentinel = 0;
  co_await server.socket().read(std::span<char>(&sentinel, 1));
  REQUIRE(sentinel == '\xFF');
  const Value command = co_await server.hear();
  REQUIRE(command.text("execute") == "guest-sync-delimited");
  co_return command;
}

}  // namespace

TEST_CASE("an agent is found behind what earlier users left in the channel") {
  auto serve = [](Server& server) -> Task<void> {
    const Value sync = co_await hear_sync(server);
    co_await server.say("ld\"}}\n{\"return\": {\"half\": [\"of a message\xFF");
    co_await server.answer(sync, sync["arguments"]["id"]);
    const Value ping = co_await server.hear();
    co_await server.answer(ping, Value(json::Object()));
    const Value info = co_await server.hear();
    json::Object version;
    version.append("version", "7.2.22");
    co_await server.answer(info, Value(std::move(version)));
  };
  auto use = [](UnixSocket socket) -> Task<void> {
    AgentClient agent = co_await AgentClient::attach(std::move(socket), Milliseconds(30'000));
    co_await agent.ping(Milliseconds(30'000));
    const std::string version = co_await agent.version();
    REQUIRE(version == "7.2.22");
  };
  attach_to(serve, use);
}

TEST_CASE("replies to users who have left are not taken for one's own") {
  auto serve = [](Server& server) -> Task<void> {
    const Value sync = co_await hear_sync(server);
    co_await server.say("\xFF{\"return\": 77, \"id\": 1}\n");  // to a user before the last
    co_await server.say("{\"return\": {\"pid\": 5}, \"id\": 2}\n\xFF{\"return\": 78, \"id\": 1}\n");
    co_await server.say(
        "{\"error\": {\"class\": \"GenericError\", \"desc\": \"JSON parse error\"}}\n");
    co_await server.say("{\"return\": {\"ex");
    co_await server.say("\xFF");
    co_await server.answer(sync, sync["arguments"]["id"]);
    const Value ping = co_await server.hear();
    co_await server.answer(ping, Value(json::Object()));
  };
  auto use = [](UnixSocket socket) -> Task<void> {
    AgentClient agent = co_await AgentClient::attach(std::move(socket), Milliseconds(30'000));
    co_await agent.ping(Milliseconds(30'000));
  };
  attach_to(serve, use);
}

TEST_CASE("an agent that is not there is a timeout with a hint") {
  auto serve = [](Server& server) -> Task<void> {
    co_await server.say("{\"return\": 1, \"id\": 1}\n");  // of an earlier user: before the sentinel
    co_await hear_sync(server);
  };
  auto use = [](UnixSocket socket) -> Task<void> {
    const auto error =
        co_await failure_of(AgentClient::attach(std::move(socket), Milliseconds(20)));
    REQUIRE(error->kind() == ErrorKind::timed_out);
    REQUIRE_THAT(error->hint(), ContainsSubstring("org.qemu.guest_agent.0"));
  };
  auto stay = [&](Server& server) -> Task<void> {
    co_await serve(server);
    char rest = 0;
    co_await server.socket().read(std::span<char>(&rest, 1));
  };
  attach_to(stay, use);
}

TEST_CASE("an agent that answers with another token is not trusted") {
  auto serve = [](Server& server) -> Task<void> {
    const Value sync = co_await hear_sync(server);
    co_await server.say("\xFF");
    co_await server.answer(sync, Value(-5));
  };
  auto use = [](UnixSocket socket) -> Task<void> {
    const auto error =
        co_await failure_of(AgentClient::attach(std::move(socket), Milliseconds(30'000)));
    REQUIRE(error->kind() == ErrorKind::protocol);
  };
  attach_to(serve, use);
}

namespace {

/// An agent that is attached to, and answers one command in this way.
template <class Use>
void with_agent_that_says(const std::string& answer, Use use) {
  auto serve = [&answer](Server& server) -> Task<void> {
    const Value sync = co_await hear_sync(server);
    co_await server.say("\xFF");
    co_await server.answer(sync, sync["arguments"]["id"]);
    const Value command = co_await server.hear();
    co_await server.answer(command, json::parse(answer).value());
  };
  auto attach = [&use](UnixSocket socket) -> Task<void> {
    AgentClient agent = co_await AgentClient::attach(std::move(socket), Milliseconds(30'000));
    co_await use(agent);
  };
  attach_to(serve, attach);
}

std::optional<ProcessOutput> outcome_said_as(const std::string& answer) {
  std::optional<ProcessOutput> outcome;
  auto use = [&outcome](AgentClient& agent) -> Task<void> { outcome = co_await agent.outcome(5); };
  with_agent_that_says(answer, use);
  return outcome;
}

}  // namespace

TEST_CASE("a program in the guest is started by name with its arguments") {
  auto serve = [](Server& server) -> Task<void> {
    const Value sync = co_await hear_sync(server);
    co_await server.say("\xFF");
    co_await server.answer(sync, sync["arguments"]["id"]);
    const Value command = co_await server.hear();
    REQUIRE(command.text("execute") == "guest-exec");
    REQUIRE(json::write(command["arguments"]) ==
            R"({"path":"ls","arg":["-l","/"],"capture-output":true})");
    co_await server.answer(command, json::parse(R"({"pid": 12})").value());
  };
  auto use = [](UnixSocket socket) -> Task<void> {
    AgentClient agent = co_await AgentClient::attach(std::move(socket), Milliseconds(30'000));
    std::vector<std::string> argv{"ls", "-l", "/"};
    const std::int64_t process = co_await agent.start(std::move(argv));
    REQUIRE(process == 12);
  };
  attach_to(serve, use);
}

TEST_CASE("a program in the guest runs on, exits, or is ended by a signal") {
  REQUIRE_FALSE(outcome_said_as(R"({"exited": false})").has_value());
  const auto exited = outcome_said_as(
      R"({"exited": true, "exitcode": 3, "out-data": "AGE=", "err-data": "b2g=",
          "out-truncated": true})");
  REQUIRE(exited->status.code == 3);
  REQUIRE(exited->out == std::string("\0a", 2));
  REQUIRE(exited->err == "oh");
  REQUIRE(exited->truncated);
  const auto killed = outcome_said_as(R"({"exited": true, "signal": 9})");
  REQUIRE(killed->status.signal == 9);
  REQUIRE_FALSE(killed->truncated);
}

TEST_CASE("what an agent invents is no exit code, no signal and no output") {
  REQUIRE(outcome_said_as(R"({"exited": true, "exitcode": -1})")->status.code == 255);
  REQUIRE(outcome_said_as(R"({"exited": true, "exitcode": 256})")->status.code == 255);
  REQUIRE_FALSE(outcome_said_as(R"({"exited": true, "signal": 1000})")->status.success());
  REQUIRE_FALSE(outcome_said_as(R"({"exited": true, "signal": -9})")->status.success());
  REQUIRE_THROWS_AS(outcome_said_as(R"({"exited": true, "out-data": "!"})"), Error);
  auto use = [](AgentClient& agent) -> Task<void> {
    std::vector<std::string> argv{"ls"};
    const auto error = co_await failure_of(agent.start(std::move(argv)));
    REQUIRE(error->kind() == ErrorKind::protocol);
  };
  with_agent_that_says(R"({"pid": "12"})", use);
}
