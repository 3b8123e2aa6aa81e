// SPDX-License-Identifier: MIT
#include <vmfleet/qmp/event_log.hpp>

#include "server.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using qmp::EventLog;

namespace {

const std::string kLog =
    std::string(qmp::test::kGreeting) + "{\"return\": {}}\r\n" +
    R"({"timestamp": {"seconds": 1700000000, "microseconds": 5}, "event": "RESUME"})" + "\r\n" +
    R"({"timestamp": {"seconds": 1700000001, "microseconds": 6}, "event": "SHUTDOWN",)" +
    R"( "data": {"guest": true, "reason": "guest-shutdown"}})" + "\r\n";

}  // namespace

TEST_CASE("an event log gives its events, for any chunks") {
  for (const std::size_t chunk : {std::size_t{1}, std::size_t{10}, kLog.size()}) {
    EventLog log;
    std::vector<qmp::Event> events;
    for (std::size_t at = 0; at < kLog.size(); at += chunk) {
      for (auto& event : log.feed(std::string_view(kLog).substr(at, chunk))) {
        events.push_back(std::move(event));
      }
    }
    REQUIRE(events.size() == 2);
    REQUIRE(events[0].name == "RESUME");
    REQUIRE(events[1].data.text("reason") == "guest-shutdown");
    REQUIRE(events[1].timestamp.time_since_epoch().count() == 1700000001000006);
    REQUIRE(log.greeting()->version() == "7.2.22");
    REQUIRE(log.recording());
    REQUIRE(log.faults() == 0);
  }
}

TEST_CASE("an event log is taken up again at the offset of an earlier reader, at any byte") {
  for (std::size_t split = 0; split <= kLog.size(); ++split) {
    EventLog first;
    const std::size_t before = first.feed(std::string_view(kLog).substr(0, split)).size();
    EventLog second(first.offset());
    const auto after = second.feed(std::string_view(kLog).substr(first.offset()));
    REQUIRE(before + after.size() == 2);
    REQUIRE(second.faults() == 0);
  }
}

TEST_CASE("stray text in an event log costs nothing but its own line") {
  EventLog log;
  const auto events = log.feed("qemu: oops\n" + kLog);
  REQUIRE(events.size() == 2);
  REQUIRE(log.faults() == 1);
  REQUIRE(log.last_fault()->evidence().front() == "qemu: oops");
}

TEST_CASE("a log before the capabilities were negotiated does not record yet") {
  EventLog log;
  REQUIRE(log.feed(qmp::test::kGreeting).empty());
  REQUIRE(log.greeting());
  REQUIRE_FALSE(log.recording());
}
