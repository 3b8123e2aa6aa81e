// SPDX-License-Identifier: MIT
#include <memory>
#include <string>
#include <vector>

#include <vmfleet/async/event.hpp>
#include <vmfleet/async/semaphore.hpp>
#include <vmfleet/async/when.hpp>

#include "tests/support/death.hpp"
#include "tests/unit/async/fake_loop.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

template <class T>
Task<T> later(Milliseconds delay, T value) {
  co_await sleep_for(delay);
  co_return value;
}

Task<int> fail_at(Milliseconds delay) {
  co_await sleep_for(delay);
  throw Error(ErrorKind::exited, "failed");
}

}  // namespace

TEST_CASE("when_all gives every result in the order of its tasks") {
  FakeLoop loop;
  const auto root = [&]() -> Task<std::string> {
    auto name = later(3ms, std::string("x"));
    auto number = later(1ms, 7);
    auto [first, second, third] =
        co_await when_all(std::move(name), sleep_for(2ms), std::move(number));
    static_cast<void>(second);
    co_return first + std::to_string(third);
  };
  REQUIRE(loop.run(root()) == "x7");
}

TEST_CASE("when_all runs its tasks beside each other") {
  FakeLoop loop;
  std::vector<Task<int>> tasks;
  for (int i = 0; i < 10; ++i) tasks.push_back(later(Milliseconds(100 - i), i));
  const TimePoint before = loop.clock.now();
  REQUIRE(loop.run(when_all(std::move(tasks))) == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  REQUIRE(loop.clock.now() - before == 100ms);
}

TEST_CASE("when_all and when_any move results that cannot be copied") {
  FakeLoop loop;
  const auto make = []() -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(1); };
  const auto root = [&]() -> Task<int> {
    auto [a, b] = co_await when_all(make(), make());
    auto any = co_await when_any(make(), make());
    co_return *a + *b + *std::get<0>(any);
  };
  REQUIRE(loop.run(root()) == 3);
}

TEST_CASE("when_all of no tasks is done") {
  FakeLoop loop;
  REQUIRE(loop.run(when_all(std::vector<Task<int>>())).empty());
}

TEST_CASE("when_all ends the others at the first failure") {
  FakeLoop loop;
  const TimePoint before = loop.clock.now();
  REQUIRE_THROWS_AS(loop.run(when_all(fail_at(5ms), later(Milliseconds(3600'000), 1))), Error);
  REQUIRE(loop.clock.now() - before == 5ms);
}

TEST_CASE("when_any gives the first result, when the others have ended") {
  FakeLoop loop;
  bool loser_ended = false;
  const auto loser = [&]() -> Task<int> {
    const auto cleanup = [&]() -> Task<void> {
      co_await sleep_for(1s);
      loser_ended = true;
    };
    co_await finally(sleep_for(1h), 10s, cleanup);
    co_return 0;
  };
  const auto root = [&]() -> Task<int> {
    const auto winner = co_await when_any(loser(), later(1ms, 5));
    REQUIRE(loser_ended);
    REQUIRE(winner.index() == 1);
    co_return std::get<1>(winner);
  };
  REQUIRE(loop.run(root()) == 5);
}

TEST_CASE("of two that finish in the same turn, when_any gives the first") {
  FakeLoop loop;
  const auto root = [&]() -> Task<void> {
    std::vector<Task<int>> tasks;
    for (int i = 0; i < 3; ++i) tasks.push_back(later(1ms, i + 10));
    const auto [index, value] = co_await when_any(std::move(tasks));
    REQUIRE(index == 0);
    REQUIRE(value == 10);
  };
  loop.run(root());
}

TEST_CASE("when_any's first task may win before the second has started") {
  FakeLoop loop;
  const auto at_once = [](int value) -> Task<int> { co_return value; };
  const auto root = [&]() -> Task<int> {
    const auto winner = co_await when_any(at_once(1), later(Milliseconds(3600'000), 2));
    co_return std::get<0>(winner);
  };
  const TimePoint before = loop.clock.now();
  REQUIRE(loop.run(root()) == 1);
  REQUIRE(loop.clock.now() == before);
}

TEST_CASE("a failure that comes first is when_any's answer") {
  FakeLoop loop;
  REQUIRE_THROWS_AS(loop.run(when_any(later(5ms, 1), fail_at(1ms))), Error);
}

TEST_CASE("a permit that loses in when_any is given back") {
  FakeLoop loop;
  Semaphore semaphore(1);
  const auto root = [&]() -> Task<void> {
    const auto winner = co_await when_any(yield_now(), semaphore.acquire());
    REQUIRE(winner.index() == 1);  // it was there at once
  };
  loop.run(root());
  REQUIRE(semaphore.available() == 1);
  const auto both = [&]() -> Task<void> {
    Semaphore two(2);
    const auto winner = co_await when_any(two.acquire(), two.acquire());
    REQUIRE(winner.index() == 0);
    REQUIRE(two.available() == 1);
  };
  loop.run(both());
}

TEST_CASE("when_any passes on a cancellation from outside") {
  FakeLoop loop;
  const auto both = [&]() -> Task<void> { co_await when_any(sleep_for(1h), sleep_for(2h)); };
  const auto root = [&]() -> Task<void> { co_await with_timeout(1s, both()); };
  try {
    loop.run(root());
    FAIL("no time-out");
  } catch (const Error& error) {
    REQUIRE(error.kind() == ErrorKind::timed_out);
  }
}

TEST_CASE("when_any of no tasks ends the process") {
  const std::string said = death_of([] {
    FakeLoop loop;
    loop.run(when_any(std::vector<Task<int>>()));
  });
  REQUIRE_THAT(said, ContainsSubstring("when_any needs a task"));
}

TEST_CASE("when_all passes on a cancellation from outside") {
  FakeLoop loop;
  const auto both = [&]() -> Task<int> {
    co_await when_all(sleep_for(1h), later(1ms, 1));
    co_return 1;
  };
  REQUIRE_THROWS_AS(loop.run(with_timeout(1s, both())), Error);
  std::vector<Task<void>> tasks;
  tasks.push_back(sleep_for(1h));
  const auto all = [&]() -> Task<void> { co_await when_all(std::move(tasks)); };
  REQUIRE_THROWS_AS(loop.run(with_timeout(1s, all())), Error);
}

TEST_CASE("when_all ends as cancelled when a task of it does, whoever cancelled that") {
  FakeLoop loop;
  const auto gives_up = []() -> Task<int> {
    throw Cancelled();
    co_return 0;
  };
  REQUIRE_THROWS_AS(loop.run(when_all(later(1ms, 1), gives_up())), Cancelled);
  std::vector<Task<int>> tasks;
  tasks.push_back(gives_up());
  REQUIRE_THROWS_AS(loop.run(when_all(std::move(tasks))), Cancelled);
}

TEST_CASE("when_any keeps its winner when a deadline passes while the losers clean up") {
  FakeLoop loop;
  const auto loser = [&]() -> Task<int> {
    const auto cleanup = []() -> Task<void> { co_await sleep_for(5s); };
    co_await finally(sleep_for(1h), 10s, cleanup);
    co_return 0;
  };
  const auto race = [&]() -> Task<int> {
    const auto winner = co_await when_any(loser(), later(1ms, 5));
    co_return std::get<1>(winner);
  };
  REQUIRE(loop.run(with_timeout(1s, race())) == 5);
}

TEST_CASE("when_any's winner counts, though a loser fails after it") {
  FakeLoop loop;
  const auto fails_when_ended = [&]() -> Task<int> {
    try {
      co_await sleep_for(1h);
    } catch (const Cancelled&) {
      throw Error(ErrorKind::disconnected, "cut off");
    }
    co_return 0;
  };
  const auto root = [&]() -> Task<int> {
    const auto winner = co_await when_any(later(1ms, 5), fail_at(1ms), fails_when_ended());
    REQUIRE(winner.index() == 0);
    co_return std::get<0>(winner);
  };
  REQUIRE(loop.run(root()) == 5);
}

TEST_CASE("a failure counts, though another task of when_any succeeds after it") {
  FakeLoop loop;
  REQUIRE_THROWS_WITH(loop.run(when_any(fail_at(1ms), later(1ms, 5))), "failed");
}
