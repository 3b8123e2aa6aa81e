// SPDX-License-Identifier: MIT
#include <vmfleet/qmp/message.hpp>

#include "tests/support/catch.hpp"
#include "transcript.hpp"

using namespace vmfleet;
using qmp::decode;

TEST_CASE("a greeting gives version, package and capabilities") {
  const auto message = decode(
      R"({"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "Debian"},)"
      R"( "capabilities": ["oob"]}})");
  const auto& greeting = std::get<qmp::Greeting>(*message);
  REQUIRE(greeting.version() == "7.2.22");
  REQUIRE(greeting.package == "Debian");
  REQUIRE(greeting.capabilities == std::vector<std::string>{"oob"});
}

TEST_CASE("an event has its time in microseconds") {
  const auto message =
      decode(R"({"timestamp": {"seconds": 1700000000, "microseconds": 123456}, "event": "STOP"})");
  const auto& event = std::get<qmp::Event>(*message);
  REQUIRE(event.name == "STOP");
  REQUIRE(event.data.is_null());
  REQUIRE(event.timestamp.time_since_epoch().count() == 1700000000123456);
}

TEST_CASE("an event without a clock has the epoch as its time") {
  for (const char* seconds : {"-1", "9223372036854775807"}) {
    const auto message = decode(std::string(R"({"timestamp": {"seconds": )") + seconds +
                                R"(, "microseconds": -1}, "event": "STOP", "data": {"a": 1}})");
    const auto& event = std::get<qmp::Event>(*message);
    REQUIRE(event.timestamp.time_since_epoch().count() == 0);
    REQUIRE(event.data.integer("a", 0) == 1);
  }
}

TEST_CASE("a reply has a value or a refusal, and any id") {
  auto message = decode(R"({"return": {"status": "running"}, "id": ["x", 1]})");
  const auto reply = std::get<qmp::Reply>(*message);
  REQUIRE(reply.ok());
  REQUIRE(reply.value.text("status") == "running");
  REQUIRE(json::write(reply.id) == R"(["x",1])");

  message = decode(R"({"error": {"class": "GenericError", "desc": "no \"x\""}})");
  const auto refused = std::get<qmp::Reply>(*message);
  REQUIRE_FALSE(refused.ok());
  REQUIRE(refused.id.is_null());
  REQUIRE(refused.error->description == "no \"x\"");
}

TEST_CASE("a reply of null is a reply") {
  const auto message = decode(R"({"return": null, "id": 1})");
  REQUIRE(std::get<qmp::Reply>(*message).ok());
}

TEST_CASE("what is no message is a protocol error that shows its beginning") {
  for (const char* text : {"[]", "{}", R"({"error": 5})", R"({"QMP": 1})", R"({"event": 1})", "{]",
                           "{\"return\": \"\xff\"}"}) {
    CAPTURE(text);
    const auto message = decode(text);
    REQUIRE_FALSE(message.ok());
    REQUIRE(message.error().kind() == ErrorKind::protocol);
    REQUIRE_FALSE(message.error().evidence().empty());
  }
}

TEST_CASE("every message of the transcript decodes") {
  for (const auto& text : qmp::test::make_transcript().messages) REQUIRE(decode(text).ok());
}

TEST_CASE("a refusal becomes an error of a kind by its class, with QEMU's words") {
  qmp::CommandError refusal;
  refusal.error_class = "CommandNotFound";
  refusal.description = "The command foo has not been found";
  const Error error = to_error(refusal, "foo");
  REQUIRE(error.kind() == ErrorKind::not_found);
  REQUIRE(error.evidence().front() == "CommandNotFound: The command foo has not been found");
  refusal.error_class = "GenericError";
  REQUIRE(to_error(refusal, "foo").kind() == ErrorKind::unavailable);
}
