// SPDX-License-Identifier: MIT
#include <memory>
#include <optional>
#include <vector>

#include <vmfleet/async/event.hpp>
#include <vmfleet/async/semaphore.hpp>
#include <vmfleet/async/task_group.hpp>

#include "tests/support/death.hpp"
#include "tests/unit/async/fake_loop.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

TEST_CASE("an event wakes all that wait, and later waits end at once until it is cleared") {
  FakeLoop loop;
  Event event;
  int woken = 0;
  const auto waiter = [&]() -> Task<void> {
    co_await event.wait();
    ++woken;
  };
  auto body = [&](TaskGroup& group) -> Task<void> {
    group.start(waiter);
    group.start(waiter);
    event.set();
    co_await turns(3);
    REQUIRE(woken == 2);
    group.start(waiter);
    REQUIRE(woken == 3);
    event.clear();
    group.start(waiter);
    co_await turns(3);
    REQUIRE(woken == 3);
    event.set();
  };
  loop.run(with_task_group(body));
  REQUIRE(woken == 4);
}

TEST_CASE("an event that is cleared right after it was set has woken its waiters") {
  FakeLoop loop;
  Event event;
  auto body = [&](TaskGroup& group) -> Task<void> {
    group.start([&]() -> Task<void> { co_await event.wait(); });
    event.set();
    event.clear();
    co_return;
  };
  loop.run(with_task_group(body));
  REQUIRE_FALSE(event.is_set());
}

TEST_CASE("an event may end as soon as it has been set") {
  FakeLoop loop;
  auto event = std::make_unique<Event>();
  bool woken = false;
  auto body = [&](TaskGroup& group) -> Task<void> {
    group.start([&]() -> Task<void> {
      co_await event->wait();
      woken = true;
    });
    event->set();
    event.reset();
    co_return;
  };
  loop.run(with_task_group(body));
  REQUIRE(woken);
}

TEST_CASE("an event that ends while a task waits for it ends the process") {
  const std::string said = death_of([] {
    FakeLoop loop;
    auto event = std::make_unique<Event>();
    auto body = [&](TaskGroup& group) -> Task<void> {
      group.start([&]() -> Task<void> { co_await event->wait(); });
      event.reset();
      co_return;
    };
    loop.run(with_task_group(body));
  });
  REQUIRE_THAT(said, ContainsSubstring("a wait queue ended while tasks wait in it"));
}

TEST_CASE("permits are handed out in the order of asking, never more than there are") {
  FakeLoop loop;
  Semaphore semaphore(2);
  std::vector<int> order;
  int inside = 0;
  int most = 0;
  const auto worker = [&](int number) -> Task<void> {
    const auto permit = co_await semaphore.acquire();
    order.push_back(number);
    most = std::max(most, ++inside);
    co_await sleep_for(1s);
    --inside;
  };
  auto body = [&](TaskGroup& group) -> Task<void> {
    for (int i = 0; i < 7; ++i) group.start(worker, i);
    co_return;
  };
  loop.run(with_task_group(body));
  REQUIRE(order == std::vector<int>{0, 1, 2, 3, 4, 5, 6});
  REQUIRE(most == 2);
  REQUIRE(semaphore.available() == 2);
}

TEST_CASE("who asks later does not overtake a permit that is on its way to a waiter") {
  FakeLoop loop;
  Semaphore semaphore(1);
  std::vector<int> order;
  auto body = [&](TaskGroup& group) -> Task<void> {
    std::optional<Semaphore::Permit> held(co_await semaphore.acquire());
    const auto worker = [&](int number) -> Task<void> {
      const auto permit = co_await semaphore.acquire();
      order.push_back(number);
    };
    group.start(worker, 1);
    held.reset();
    group.start(worker, 2);
    co_await turns(10);
  };
  loop.run(with_task_group(body));
  REQUIRE(order == std::vector<int>{1, 2});
}

TEST_CASE("a permit gives itself back once, wherever it was moved") {
  FakeLoop loop;
  Semaphore semaphore(2);
  const auto root = [&]() -> Task<void> {
    auto first = co_await semaphore.acquire();
    auto second = co_await semaphore.acquire();
    REQUIRE(semaphore.available() == 0);
    auto moved = std::move(first);
    first.release();
    REQUIRE(semaphore.available() == 0);
    moved.release();
    moved.release();
    REQUIRE(semaphore.available() == 1);
    second = co_await semaphore.acquire();
    REQUIRE(semaphore.available() == 1);
  };
  loop.run(root());
  REQUIRE(semaphore.available() == 2);
}
