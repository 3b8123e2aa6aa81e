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
