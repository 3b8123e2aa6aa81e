// SPDX-License-Identifier: MIT
#include "fleet/start_order.hpp"

#include <vmfleet/async/task_group.hpp>
#include <vmfleet/base/error.hpp>

#include "tests/support/catch.hpp"

using namespace vmfleet;

namespace {

using Words = std::vector<std::string>;

MachineSpec waiting(const std::string& machine_class, const std::string& name,
                    Dependencies depends_on = {}) {
  MachineSpec machine;
  machine.machine_class = machine_class;
  machine.config.name = name;
  machine.depends_on = std::move(depends_on);
  return machine;
}

MachineReport failure(const std::string& name, const std::string& why) {
  MachineReport report;
  report.name = name;
  report.error = Error(ErrorKind::exited, why);
  return report;
}

/// web waits until both of db are ready, front for web.
struct Trio {
  MachineSpec web = waiting("web", "web", {{"db", DependencyCondition::ready}});
  MachineSpec front = waiting("front", "front", {{"web", DependencyCondition::started}});
  StartOrder order{{web, front, waiting("db", "db-0"), waiting("db", "db-1")}};
  Loop loop;
  Words said;

  /// Waits for the turn of `machine` while `act` happens.
  template <class Act>
  void during(const MachineSpec& machine, Act act) {
    auto body = [&](TaskGroup& group) -> Task<void> {
      auto wait = [&]() -> Task<void> {
        const auto tell = [&](std::string_view what) { said.emplace_back(what); };
        co_await order.await_turn(machine, tell);
        said.emplace_back("its turn");
      };
      group.start(wait);
      act();
      co_return;
    };
    loop.run(with_task_group(body));
  }
};

}  // namespace

TEST_CASE("a machine's turn comes when all machines of the class have come far enough") {
  Trio trio;
  const auto act = [&] {
    trio.order.reached("db-1", DependencyCondition::ready);
    trio.order.reached("db-0", DependencyCondition::started);
    CHECK(trio.said == Words{"waits for db"});
    trio.order.reached("db-0", DependencyCondition::ready);
  };
  trio.during(trio.web, act);
  CHECK(trio.said == Words{"waits for db", "its turn"});
}

TEST_CASE("who waits for nothing that is to come is not told to wait") {
  Trio trio;
  trio.order.reached("db-0", DependencyCondition::completed);
  trio.order.reached("db-1", DependencyCondition::ready);
  trio.during(trio.web, [] {});
  CHECK(trio.said == Words{"its turn"});
}

TEST_CASE("a failure ends the wait, and that of those who wait for who waits") {
  Trio trio;
  trio.order.reached("db-0", DependencyCondition::started);
  trio.order.finished(failure("db-0", "QEMU broke"));
  std::string why;
  try {
    trio.during(trio.web, [] {});
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::unavailable);
    CHECK_THAT(error.hint(), ContainsSubstring("db-0"));
    why = error.message();
  }
  CHECK(why == "not started: db-0, which it depends on, failed: QEMU broke");
  trio.order.finished(failure("web", why));
  CHECK_THROWS_WITH(trio.during(trio.front, [] {}),
                    "not started: web, which it depends on, was " + why);
}

TEST_CASE("what was reached before the failure still counts") {
  Trio trio;
  trio.order.reached("web", DependencyCondition::started);
  trio.order.finished(failure("web", "not ready"));
  trio.during(trio.front, [] {});
  CHECK(trio.said == Words{"its turn"});
}

TEST_CASE("a machine that stays paused is not waited for for ever") {
  Trio trio;
  MachineReport report;
  report.name = "db-0";
  report.state = MachineState::paused;
  trio.order.finished(report);
  CHECK_THROWS_WITH(trio.during(trio.web, [] {}),
                    ContainsSubstring("not started: db-0, which it depends on, is paused"));
}

TEST_CASE("what has become of a machine tells how far it has come") {
  for (const auto state : {MachineState::ready, MachineState::running, MachineState::stopped}) {
    Trio trio;
    for (const char* name : {"db-0", "db-1"}) {
      MachineReport report;
      report.name = name;
      report.state = state;
      trio.order.finished(report);
    }
    trio.during(trio.web, [] {});
    CHECK(trio.said == Words{"its turn"});
  }
}

TEST_CASE("a machine is awaited as far as somebody waits for it") {
  const Trio trio;
  CHECK(trio.order.is_awaited("db-0", DependencyCondition::started));
  CHECK(trio.order.is_awaited("db-0", DependencyCondition::ready));
  CHECK_FALSE(trio.order.is_awaited("db-0", DependencyCondition::completed));
  CHECK_FALSE(trio.order.is_awaited("web", DependencyCondition::ready));
  CHECK_FALSE(trio.order.is_awaited("front", DependencyCondition::started));
}
