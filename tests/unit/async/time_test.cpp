// SPDX-License-Identifier: MIT
#include <stdexcept>
#include <string>
#include <vector>

#include <vmfleet/async/event.hpp>
#include <vmfleet/async/task_group.hpp>
#include <vmfleet/async/time.hpp>

#include "tests/support/catch.hpp"
#include "tests/unit/async/fake_loop.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

/// "" or the message of the error that ended the task.
template <class T>
std::string outcome(FakeLoop& loop, Task<T> task) {
  try {
    loop.run(std::move(task));
  } catch (const std::exception& error) {
    return error.what();
  } catch (const Cancelled&) {
    return "cancelled";
  }
  return "";
}

}  // namespace

TEST_CASE("timers fire in the order of their deadlines, equal ones in the order of asking") {
  FakeLoop loop;
  std::vector<int> order;
  const auto sleeper = [&](int delay, int number) -> Task<void> {
    co_await sleep_for(Milliseconds(delay));
    order.push_back(number);
  };
  auto body = [&](TaskGroup& group) -> Task<void> {
    group.start(sleeper, 30, 4);
    group.start(sleeper, 10, 1);
    group.start(sleeper, 20, 2);
    group.start(sleeper, 20, 3);
    group.start(sleeper, 0, 0);
    co_return;
  };
  loop.run(with_task_group(body));
  REQUIRE(order == std::vector<int>{0, 1, 2, 3, 4});
}

TEST_CASE("a fake clock jumps over an hour, and only when nothing else can happen") {
  FakeLoop loop;
  const auto root = [&]() -> Task<void> {
    const TimePoint start = loop.clock.now();
    co_await turns(100);
    REQUIRE(loop.clock.now() == start);
    co_await sleep_for(1h);
    REQUIRE(loop.clock.now() == start + 1h);
    REQUIRE(loop.loop.now() == start + 1h);
  };
  loop.run(root());
}

TEST_CASE("a real clock really waits, and not less than it was asked to") {
  Loop loop;
  const auto root = []() -> Task<bool> {
    const TimePoint start = SteadyClock().now();
    co_await sleep_for(3ms);
    co_return SteadyClock().now() - start >= 3ms;
  };
  REQUIRE(loop.run(root()));
}

TEST_CASE("a thousand sleeps of random length all end in order") {
  FakeLoop loop;
  TimePoint last{};
  bool sorted = true;
  const auto sleeper = [&](int delay) -> Task<void> {
    co_await sleep_for(Milliseconds(delay));
    sorted = sorted && loop.clock.now() >= last;
    last = loop.clock.now();
  };
  auto body = [&](TaskGroup& group) -> Task<void> {
    for (int i = 0; i < 1000; ++i) group.start(sleeper, i * 7919 % 1009);
    co_return;
  };
  loop.run(with_task_group(body));
  REQUIRE(sorted);
}

TEST_CASE("with_timeout gives the result when it comes in time") {
  FakeLoop loop;
  const auto quick = []() -> Task<int> {
    co_await sleep_for(9ms);
    co_return 3;
  };
  REQUIRE(loop.run(with_timeout(10ms, quick())) == 3);
}

TEST_CASE("with_timeout says how long it waited") {
  FakeLoop loop;
  REQUIRE(outcome(loop, with_timeout(1500ms, sleep_for(1h))) == "timed out after 1.5 s");
  try {
    loop.run(with_timeout(1s, sleep_for(1h)));
    FAIL("no time-out");
  } catch (const Error& error) {
    REQUIRE(error.kind() == ErrorKind::timed_out);
  }
}

TEST_CASE("with_timeout waits until the task has acknowledged") {
  FakeLoop loop;
  bool cleaned = false;
  const auto cleanup = [&]() -> Task<void> {
    co_await sleep_for(5s);
    cleaned = true;
  };
  REQUIRE_FALSE(outcome(loop, with_timeout(1s, finally(sleep_for(1h), 10s, cleanup))).empty());
  REQUIRE(cleaned);
}

TEST_CASE("a result that comes while the deadline ends the task is given") {
  FakeLoop loop;
  const auto stubborn = []() -> Task<int> {
    try {
      co_await sleep_for(1h);
    } catch (const Cancelled&) {
    }
    co_return 8;
  };
  REQUIRE(loop.run(with_timeout(1s, stubborn())) == 8);
}

TEST_CASE("a deadline in the past lets a task run to its first wait") {
  FakeLoop loop;
  const TimePoint past = loop.clock.now() - 1h;
  int steps = 0;
  const auto waits = [&]() -> Task<void> {
    ++steps;
    co_await sleep_for(1ms);
    ++steps;
  };
  REQUIRE(outcome(loop, with_deadline(past, waits())) == "timed out after 0 ms");
  REQUIRE(steps == 1);
  const auto at_once = []() -> Task<int> { co_return 1; };
  REQUIRE(loop.run(with_deadline(past, at_once())) == 1);
}

TEST_CASE("of two nested deadlines the earlier one tells") {
  FakeLoop loop;
  REQUIRE(outcome(loop, with_timeout(2s, with_timeout(1s, sleep_for(1h)))) ==
          "timed out after 1.0 s");
  REQUIRE(outcome(loop, with_timeout(1s, with_timeout(2s, sleep_for(1h)))) ==
          "timed out after 1.0 s");
  REQUIRE(outcome(loop, with_timeout(1s, with_timeout(1s, sleep_for(1h)))) ==
          "timed out after 1.0 s");
}

TEST_CASE("an error that comes before the deadline is passed on") {
  FakeLoop loop;
  const auto fails = []() -> Task<void> {
    co_await sleep_for(1ms);
    throw std::runtime_error("no");
  };
  REQUIRE(outcome(loop, with_timeout(1s, fails())) == "no");
}

TEST_CASE("a shielded task goes on in a cancelled scope") {
  FakeLoop loop;
  CancelScope scope;
  bool finished = false;
  const auto cleanup = [&]() -> Task<int> {
    co_await sleep_for(1s);
    co_return 4;
  };
  const auto task = [&]() -> Task<void> {
    scope.cancel();
    const int result = co_await shielded(10s, cleanup());
    finished = result == 4;
    co_await yield_now();
    FAIL("the scope is cancelled again after the shield");
  };
  const auto root = [&]() -> Task<void> { co_await scope.run(task()); };
  loop.run(root());
  REQUIRE(finished);
}

TEST_CASE("a shielded task that is under way does not see a cancellation from outside") {
  FakeLoop loop;
  bool finished = false;
  const auto cleanup = [&]() -> Task<void> {
    co_await sleep_for(2s);
    finished = true;
  };
  // The outer deadline passes in the middle; the result is there all the same.
  REQUIRE(outcome(loop, with_timeout(1s, shielded(10s, cleanup()))).empty());
  REQUIRE(finished);
}

TEST_CASE("a shielded task has a limit of its own") {
  FakeLoop loop;
  REQUIRE(outcome(loop, shielded(2s, sleep_for(1h))) == "timed out after 2.0 s");
}

TEST_CASE("finally cleans up after success, failure and cancellation") {
  FakeLoop loop;
  int cleanups = 0;
  const auto cleanup = [&]() -> Task<void> {
    co_await sleep_for(1s);
    ++cleanups;
  };
  const auto succeed = []() -> Task<int> { co_return 2; };
  REQUIRE(loop.run(finally(succeed(), 10s, cleanup)) == 2);
  const auto fails = []() -> Task<void> {
    throw std::runtime_error("body");
    co_return;
  };
  REQUIRE(outcome(loop, finally(fails(), 10s, cleanup)) == "body");
  REQUIRE(outcome(loop, with_timeout(1s, finally(sleep_for(1h), 10s, cleanup))) ==
          "timed out after 1.0 s");
  REQUIRE(cleanups == 3);
}

TEST_CASE("finally prefers the body's failure to the cleanup's") {
  FakeLoop loop;
  const auto broken = []() -> Task<void> {
    throw std::runtime_error("cleanup");
    co_return;
  };
  const auto fails = []() -> Task<void> {
    throw std::runtime_error("body");
    co_return;
  };
  REQUIRE(outcome(loop, finally(fails(), 10s, broken)) == "body");
  REQUIRE(outcome(loop, finally(turns(1), 10s, broken)) == "cleanup");
}

TEST_CASE("yield_now lets all others run first") {
  FakeLoop loop;
  std::vector<int> order;
  const auto polite = [&](int number) -> Task<void> {
    for (int i = 0; i < 3; ++i) {
      order.push_back(number);
      co_await yield_now();
    }
  };
  auto body = [&](TaskGroup& group) -> Task<void> {
    group.start(polite, 1);
    group.start(polite, 2);
    co_return;
  };
  loop.run(with_task_group(body));
  REQUIRE(order == std::vector<int>{1, 2, 1, 2, 1, 2});
}

TEST_CASE("times that are too long to be counted are as good as for ever, or as over") {
  FakeLoop loop;
  const auto quick = []() -> Task<int> {
    co_await sleep_for(1h);
    co_return 1;
  };
  REQUIRE(loop.run(with_timeout(Milliseconds::max(), quick())) == 1);
  REQUIRE(loop.run(shielded(Milliseconds::max(), quick())) == 1);
  REQUIRE(outcome(loop, with_timeout(1s, sleep_for(Milliseconds::max()))) ==
          "timed out after 1.0 s");
  REQUIRE_FALSE(outcome(loop, with_timeout(Milliseconds::min(), sleep_for(1h))).empty());
  REQUIRE(outcome(loop, with_deadline(TimePoint::min(), sleep_for(1h))) == "timed out after 0 ms");
  loop.run(sleep_for(Milliseconds::min()));
}
