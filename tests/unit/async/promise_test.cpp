// SPDX-License-Identifier: MIT
#include <memory>
#include <stdexcept>
#include <vector>

#include <vmfleet/async/event.hpp>
#include <vmfleet/async/task_group.hpp>

#include "tests/support/death.hpp"
#include "tests/unit/async/fake_loop.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

Task<int> one() {
  co_return 1;
}

Task<int> failing() {
  throw std::runtime_error("no");
  co_return 0;
}

Task<void> sleeper() {
  co_await sleep_for(1h);
}

template <class Awaited>
concept Awaitable = requires(detail::AwaitingPromise& promise, Awaited&& awaited) {
  promise.await_transform(std::forward<Awaited>(awaited));
};

}  // namespace

TEST_CASE("a task does not start until it is awaited") {
  FakeLoop loop;
  bool started = false;
  const auto child = [&]() -> Task<void> {
    started = true;
    co_return;
  };
  const auto parent = [&]() -> Task<void> {
    auto task = child();
    REQUIRE_FALSE(started);
    co_await std::move(task);
    REQUIRE(started);
  };
  loop.run(parent());
}

TEST_CASE("only an rvalue can be awaited") {
  STATIC_REQUIRE(Awaitable<Task<int>>);
  STATIC_REQUIRE_FALSE(Awaitable<Task<int>&>);
  STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<Task<int>>);
}

TEST_CASE("a result is moved out, never copied") {
  FakeLoop loop;
  const auto child = []() -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(7); };
  const auto parent = [&]() -> Task<std::unique_ptr<int>> {
    auto result = co_await child();
    co_return result;
  };
  REQUIRE(*loop.run(parent()) == 7);
}

TEST_CASE("what a task throws is thrown where it is awaited") {
  FakeLoop loop;
  const auto parent = []() -> Task<std::string> {
    try {
      co_await failing();
    } catch (const std::runtime_error& error) {
      co_return error.what();
    }
    co_return "nothing was thrown";
  };
  REQUIRE(loop.run(parent()) == "no");
}

TEST_CASE("a task that is never awaited takes its arguments along") {
  int alive = 0;
  const auto child = [](Counted) -> Task<void> { co_return; };
  {
    const auto task = child(Counted(alive));
    REQUIRE(alive == 1);
  }
  REQUIRE(alive == 0);
}

TEST_CASE("a finished task's frame is gone when its awaiting expression ends") {
  FakeLoop loop;
  int alive = 0;
  const auto child = [](Counted argument) -> Task<void> {
    const Counted local = argument;
    co_await yield_now();
  };
  const auto parent = [&]() -> Task<void> {
    co_await child(Counted(alive));
    REQUIRE(alive == 0);
  };
  loop.run(parent());
}

TEST_CASE("two million synchronous completions do not grow the stack") {
  FakeLoop loop;
  const auto parent = []() -> Task<long> {
    long sum = 0;
    for (int i = 0; i < 2'000'000; ++i) sum += co_await one();
    co_return sum;
  };
  REQUIRE(loop.run(parent()) == 2'000'000);
}

TEST_CASE("a hundred thousand completions through the ready queue do not grow the stack") {
  FakeLoop loop;
  const auto parent = []() -> Task<int> {
    int count = 0;
    for (; count < 100'000; ++count) co_await yield_now();
    co_return count;
  };
  REQUIRE(loop.run(parent()) == 100'000);
}

TEST_CASE("fifty thousand synchronous failures do not grow the stack") {
  FakeLoop loop;
  const auto parent = []() -> Task<int> {
    int caught = 0;
    for (int i = 0; i < 50'000; ++i) {
      try {
        co_await failing();
      } catch (const std::runtime_error&) {
        ++caught;
      }
    }
    co_return caught;
  };
  REQUIRE(loop.run(parent()) == 50'000);
}

TEST_CASE("a chain of a thousand suspended tasks unwinds in order") {
  FakeLoop loop;
  std::vector<int> ended;
  auto nest = [&](auto& self, int depth) -> Task<int> {
    if (depth == 0) {
      co_await sleep_for(1s);
      co_return 0;
    }
    const int below = co_await self(self, depth - 1);
    ended.push_back(depth);
    co_return below + 1;
  };
  REQUIRE(loop.run(nest(nest, 1000)) == 1000);
  REQUIRE(ended.front() == 1);
  REQUIRE(ended.back() == 1000);
}

TEST_CASE("tasks resume in the order in which they became ready") {
  FakeLoop loop;
  std::vector<int> order;
  Event go;
  const auto waiter = [&](int number) -> Task<void> {
    co_await go.wait();
    order.push_back(number);
  };
  auto body = [&](TaskGroup& group) -> Task<void> {
    for (int i = 0; i < 5; ++i) group.start(waiter, i);
    go.set();
    co_return;
  };
  loop.run(with_task_group(body));
  REQUIRE(order == std::vector<int>{0, 1, 2, 3, 4});
}

TEST_CASE("destroying a started task before it has finished ends the process with its name") {
  const std::string said = death_of([] {
    FakeLoop loop;
    auto held = std::make_unique<Task<void>>(sleeper());
    auto body = [&](TaskGroup& group) -> Task<void> {
      group.start([&]() -> Task<void> { co_await std::move(*held); });
      held.reset();
      co_return;
    };
    loop.run(with_task_group(body));
  });
  REQUIRE_THAT(said, ContainsSubstring("destroyed before it had finished: sleeper"));
  REQUIRE_THAT(said, ContainsSubstring("promise_test.cpp:"));
}

TEST_CASE("awaiting a task twice ends the process") {
  const std::string said = death_of([] {
    FakeLoop loop;
    const auto parent = []() -> Task<void> {
      auto task = one();
      co_await std::move(task);
      co_await std::move(task);
    };
    loop.run(parent());
  });
  REQUIRE_THAT(said, ContainsSubstring("a task was awaited twice"));
}

TEST_CASE("awaiting a moved-from task ends the process") {
  const std::string said = death_of([] {
    FakeLoop loop;
    const auto parent = []() -> Task<void> {
      auto task = one();
      const auto thief = std::move(task);
      co_await std::move(task);
    };
    loop.run(parent());
  });
  REQUIRE_THAT(said, ContainsSubstring("a moved-from task was used"));
}
