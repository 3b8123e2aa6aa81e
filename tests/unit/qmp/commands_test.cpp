// SPDX-License-Identifier: MIT
#include <vmfleet/qmp/commands.hpp>

#include "server.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using qmp::Client;
using qmp::Value;
using qmp::test::converse;
using qmp::test::failure_of;
using qmp::test::Server;

namespace {

/// Answers one command, which must be `expected` (as JSON, without its id).
auto answering(std::string expected, std::string result) {
  return
      [expected = std::move(expected), result = std::move(result)](Server& server) -> Task<void> {
        const Value command = co_await server.hear();
        json::Object seen;
        for (const auto& [key, value] : *command.as_object()) {
          if (key != "id") seen.append(key, value);
        }
        REQUIRE(json::write(Value(seen)) == expected);
        Value value = json::parse(result).value();
        co_await server.answer(command, std::move(value));
      };
}

}  // namespace

TEST_CASE("query_status gives the run state") {
  auto use = [](Client& client) -> Task<void> {
    const qmp::Status status = co_await qmp::query_status(client);
    REQUIRE_FALSE(status.running);
    REQUIRE(status.state == "prelaunch");
  };
  converse(answering(R"({"execute":"query-status"})",
                     R"({"status":"prelaunch","singlestep":false,"running":false})"),
           use);
}

TEST_CASE("a reply without what it must have is a protocol error that shows it") {
  auto use = [](Client& client) -> Task<void> {
    const auto error = co_await failure_of(qmp::query_uuid(client));
    REQUIRE(error->kind() == ErrorKind::protocol);
    REQUIRE(error->evidence().front() == R"({"uuid":1})");
  };
  converse(answering(R"({"execute":"query-uuid"})", R"({"uuid":1})"), use);
}

TEST_CASE("query_events gives the names of events, and of nothing else") {
  auto use = [](Client& client) -> Task<void> {
    const auto names = co_await qmp::query_events(client);
    const std::vector<std::string> expected{"RESUME", "STOP"};
    REQUIRE(names == expected);
  };
  converse(answering(R"({"execute":"query-qmp-schema"})",
                     R"([{"name":"RESUME","meta-type":"event","arg-type":"0"},
                         {"name":"stop","meta-type":"command"},
                         {"name":"STOP","meta-type":"event"}])"),
           use);
}

TEST_CASE("query_version joins the numbers, query_name may be empty") {
  auto version = [](Client& client) -> Task<void> {
    const std::string text = co_await qmp::query_version(client);
    REQUIRE(text == "7.2.22");
  };
  converse(answering(R"({"execute":"query-version"})",
                     R"({"qemu":{"micro":22,"minor":2,"major":7},"package":""})"),
           version);
  auto name = [](Client& client) -> Task<void> {
    const std::string text = co_await qmp::query_name(client);
    REQUIRE(text.empty());
  };
  converse(answering(R"({"execute":"query-name"})", "{}"), name);
}

TEST_CASE("a human monitor command gives its output as it is") {
  auto use = [](Client& client) -> Task<void> {
    const std::string output = co_await qmp::human_monitor_command(client, "info usernet");
    REQUIRE(output == "Hub -1 (n0):\r\n");
  };
  converse(answering(
               R"({"execute":"human-monitor-command","arguments":{"command-line":"info usernet"}})",
               R"("Hub -1 (n0):\r\n")"),
           use);
}

TEST_CASE("set_link names the interface") {
  auto use = [](Client& client) -> Task<void> { co_await qmp::set_link(client, "nic1", false); };
  converse(answering(R"({"execute":"set_link","arguments":{"name":"nic1","up":false}})", "{}"),
           use);
}

TEST_CASE("chardev_change_file names both files") {
  auto use = [](Client& client) -> Task<void> {
    co_await qmp::chardev_change_file(client, "s0", "/in", "/out", true);
  };
  converse(
      answering(R"({"execute":"chardev-change","arguments":{"id":"s0","backend":{"type":"file",)"
                R"("data":{"in":"/in","out":"/out","append":true}}}})",
                "{}"),
      use);
}

TEST_CASE("quit is done when the connection ends, with or without a reply") {
  auto use = [](Client& client) -> Task<void> { co_await qmp::quit(client); };
  converse(answering(R"({"execute":"quit"})", "{}"), use);
  auto vanish = [](Server& server) -> Task<void> {
    co_await server.hear();
    server.close();
  };
  converse(vanish, use);
}
