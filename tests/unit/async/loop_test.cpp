// SPDX-License-Identifier: MIT
#include <stdexcept>
#include <string>

#include <vmfleet/async/event.hpp>
#include <vmfleet/async/task_group.hpp>

#include "tests/support/death.hpp"
#include "tests/unit/async/fake_loop.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

TEST_CASE("a loop runs one task after another and gives each result") {
  FakeLoop loop;
  const auto give = [](int value) -> Task<int> {
    co_await sleep_for(1ms);
    co_return value;
  };
  for (int i = 0; i < 100; ++i) REQUIRE(loop.run(give(i)) == i);
}

TEST_CASE("what the root task throws comes out of run, and the loop goes on") {
  FakeLoop loop;
  const auto fails = []() -> Task<void> {
    co_await yield_now();
    throw std::runtime_error("no");
  };
  REQUIRE_THROWS_AS(loop.run(fails()), std::runtime_error);
  loop.run(turns(1));
}

TEST_CASE("running a loop inside itself ends the process") {
  const std::string said = death_of([] {
    FakeLoop loop;
    const auto root = [&]() -> Task<void> {
      co_await yield_now();
      loop.run(yield_now());
    };
    loop.run(root());
  });
  REQUIRE_THAT(said, ContainsSubstring("Loop::run was called inside Loop::run"));
}

TEST_CASE("a task may run another loop") {
  FakeLoop loop;
  const auto inner = []() -> Task<int> {
    co_await sleep_for(1h);
    co_return 6;
  };
  const auto root = [&]() -> Task<int> {
    FakeLoop other;
    const int result = other.run(inner());
    co_await yield_now();
    co_return result;
  };
  REQUIRE(loop.run(root()) == 6);
}

namespace {

Task<void> wait_forever(Event& event) {
  co_await event.wait();
}

}  // namespace

TEST_CASE("a deadlock is an error that shows who waits for what") {
  FakeLoop loop;
  Event never;
  auto body = [&](TaskGroup& group) -> Task<void> {
    group.start(&wait_forever, std::ref(never));
    co_await wait_forever(never);
  };
  try {
    loop.run(with_task_group(body));
    FAIL("no deadlock was found");
  } catch (const Error& error) {
    REQUIRE(error.kind() == ErrorKind::internal);
    REQUIRE_THAT(error.message(), ContainsSubstring("nothing can happen any more"));
    std::string tree;
    for (const auto& line : error.evidence()) tree += line + "\n";
    REQUIRE_THAT(tree, ContainsSubstring("wait_forever at loop_test.cpp:"));
    REQUIRE_THAT(tree, ContainsSubstring("waits for an event"));
    REQUIRE_THAT(tree, ContainsSubstring("with_task_group"));
  }
}

TEST_CASE("a deadlock lets the tasks clean up, and the loop goes on afterwards") {
  FakeLoop loop;
  Event never;
  bool cleaned = false;
  const auto cleanup = [&]() -> Task<void> {
    co_await sleep_for(1s);
    cleaned = true;
  };
  REQUIRE_THROWS_AS(loop.run(finally(never.wait(), 10s, cleanup)), Error);
  REQUIRE(cleaned);
  loop.run(turns(1));
}

TEST_CASE("a deadlock that cancelling does not end ends the process with the tree") {
  const std::string said = death_of([] {
    FakeLoop loop;
    Event never;
    CancelScope unreachable;
    const auto stubborn = [&]() -> Task<void> {
      auto wait = wait_forever(never);
      co_await detail::in_scope(wait, unreachable);
    };
    loop.run(stubborn());
  });
  REQUIRE_THAT(said, ContainsSubstring("cancelling did not end it"));
  REQUIRE_THAT(said, ContainsSubstring("wait_forever"));
}

TEST_CASE("a loop has one of each service, and ends it before its handles are counted") {
  static int alive = 0;
  struct Service : detail::LoopService {
    explicit Service(Loop&) { ++alive; }
    ~Service() override { --alive; }
  };
  {
    FakeLoop loop;
    Service& first = loop.loop.service<Service>();
    REQUIRE(&first == &loop.loop.service<Service>());
    REQUIRE(alive == 1);
  }
  REQUIRE(alive == 0);
}

TEST_CASE("a service that cannot be made is tried again the next time") {
  static bool broken = true;
  struct Service : detail::LoopService {
    explicit Service(Loop&) {
      if (broken) throw std::runtime_error("no");
    }
  };
  FakeLoop loop;
  REQUIRE_THROWS_AS(loop.loop.service<Service>(), std::runtime_error);
  broken = false;
  loop.loop.service<Service>();
}
