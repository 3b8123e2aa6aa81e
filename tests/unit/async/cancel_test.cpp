// SPDX-License-Identifier: MIT
#include <functional>
#include <vector>

#include <vmfleet/async/channel.hpp>
#include <vmfleet/async/event.hpp>
#include <vmfleet/async/offload.hpp>
#include <vmfleet/async/semaphore.hpp>
#include <vmfleet/async/task_group.hpp>

#include "tests/support/death.hpp"
#include "tests/unit/async/fake_loop.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

/// True when the task was ended by a cancellation.
Task<bool> was_cancelled(Task<void> task) {
  try {
    co_await std::move(task);
  } catch (const Cancelled&) {
    co_return true;
  }
  co_return false;
}

Task<void> cancel_after(CancelScope& scope, int count) {
  co_await turns(count);
  scope.cancel();
}

}  // namespace

TEST_CASE("Cancelled is not a std::exception") {
  STATIC_REQUIRE_FALSE(std::is_base_of_v<std::exception, Cancelled>);
}

TEST_CASE("cancelling a scope ends all waits in it, and run gives nothing") {
  FakeLoop loop;
  CancelScope scope;
  int ended = 0;
  const auto waiter = [&]() -> Task<void> {
    if (co_await was_cancelled(sleep_for(1h))) ++ended;
    throw Cancelled();
  };
  auto children = [&](TaskGroup& group) -> Task<void> {
    for (int i = 0; i < 2; ++i) group.start(waiter);
    co_await waiter();
  };
  auto body = [&](TaskGroup& group) -> Task<bool> {
    group.start(&cancel_after, std::ref(scope), 3);
    const auto result = co_await scope.run(with_task_group(children));
    co_return result.has_value();
  };
  const TimePoint before = loop.clock.now();
  REQUIRE_FALSE(loop.run(with_task_group(body)));
  REQUIRE(ended == 3);
  REQUIRE(loop.clock.now() == before);
}

TEST_CASE("a wait that had already finished keeps its result when its scope is cancelled") {
  FakeLoop loop;
  CancelScope scope;
  Event event;
  const auto finish_then_cancel = [&]() -> Task<void> {
    co_await turns(2);
    event.set();
    scope.cancel();
  };
  auto body = [&](TaskGroup& group) -> Task<bool> {
    group.start(finish_then_cancel);
    const auto result = co_await scope.run(event.wait());
    co_return result.has_value();
  };
  REQUIRE(loop.run(with_task_group(body)));
}

TEST_CASE("a wait that was cancelled first stays cancelled when its result comes after all") {
  FakeLoop loop;
  CancelScope scope;
  Event event;
  const auto cancel_then_finish = [&]() -> Task<void> {
    co_await turns(2);
    scope.cancel();
    event.set();
  };
  auto body = [&](TaskGroup& group) -> Task<bool> {
    group.start(cancel_then_finish);
    const auto result = co_await scope.run(event.wait());
    co_return result.has_value();
  };
  REQUIRE_FALSE(loop.run(with_task_group(body)));
}

TEST_CASE("in a cancelled scope every later wait throws at once, also for what is there") {
  FakeLoop loop;
  CancelScope scope;
  Event set;
  set.set();
  Semaphore free(1);
  int thrown = 0;
  const auto later = [&]() -> Task<void> {
    scope.cancel();
    if (co_await was_cancelled(sleep_for(1ms))) ++thrown;
    if (co_await was_cancelled(yield_now())) ++thrown;
    if (co_await was_cancelled(set.wait())) ++thrown;
    const auto acquire = [&]() -> Task<void> { co_await free.acquire(); };
    if (co_await was_cancelled(acquire())) ++thrown;
    const auto work = []() -> Task<void> { co_await offload([] {}); };
    if (co_await was_cancelled(work())) ++thrown;
    if (co_await was_cancelled(sleep_until(TimePoint()))) ++thrown;
  };
  const auto root = [&]() -> Task<void> { co_await scope.run(later()); };
  loop.run(root());
  REQUIRE(thrown == 6);
  REQUIRE(free.available() == 1);
}

TEST_CASE("a task that swallows the cancellation and returns gives its result") {
  FakeLoop loop;
  CancelScope scope;
  const auto stubborn = [&]() -> Task<int> {
    scope.cancel();
    co_await was_cancelled(sleep_for(1h));
    co_return 5;
  };
  const auto root = [&]() -> Task<int> {
    const auto result = co_await scope.run(stubborn());
    co_return result.value_or(0);
  };
  REQUIRE(loop.run(root()) == 5);
}

TEST_CASE("cancelling again while tasks clean up changes nothing") {
  FakeLoop loop;
  CancelScope scope;
  int cleanups = 0;
  const auto careful = [&]() -> Task<void> {
    if (!co_await was_cancelled(sleep_for(1h))) co_return;
    scope.cancel();
    co_await shielded(1s, turns(3));
    scope.cancel();
    ++cleanups;
    throw Cancelled();
  };
  auto children = [&](TaskGroup& group) -> Task<void> {
    group.start(careful);
    group.start(careful);
    co_await turns(1);
    scope.cancel();
    scope.cancel();
  };
  const auto root = [&]() -> Task<bool> {
    const auto result = co_await scope.run(with_task_group(children));
    co_return result.has_value();
  };
  loop.run(root());
  REQUIRE(cleanups == 2);
  REQUIRE(scope.cancelled());
}

TEST_CASE("cancelling an inner scope leaves the outer one untouched") {
  FakeLoop loop;
  CancelScope outer;
  CancelScope inner;
  const auto in_inner = [&]() -> Task<void> {
    inner.cancel();
    co_await sleep_for(1h);
  };
  const auto in_outer = [&]() -> Task<bool> {
    const auto ended = co_await inner.run(in_inner());
    co_await sleep_for(1ms);
    co_return ended.has_value();
  };
  const auto root = [&]() -> Task<bool> {
    const auto result = co_await outer.run(in_outer());
    REQUIRE(result.has_value());
    co_return *result;
  };
  REQUIRE_FALSE(loop.run(root()));
  REQUIRE_FALSE(outer.cancelled());
}

TEST_CASE("cancelling an outer scope passes through the inner one") {
  FakeLoop loop;
  CancelScope outer;
  CancelScope inner;
  bool inner_returned = false;
  const auto in_inner = [&]() -> Task<void> {
    outer.cancel();
    REQUIRE(inner.cancelled());
    inner.cancel();  // both, the outer one first
    co_await sleep_for(1h);
  };
  const auto in_outer = [&]() -> Task<void> {
    co_await inner.run(in_inner());
    inner_returned = true;
  };
  const auto root = [&]() -> Task<bool> {
    const auto result = co_await outer.run(in_outer());
    co_return result.has_value();
  };
  REQUIRE_FALSE(loop.run(root()));
  REQUIRE_FALSE(inner_returned);
}

TEST_CASE("a scope that is entered in a cancelled one is cancelled") {
  FakeLoop loop;
  CancelScope outer;
  CancelScope inner;
  bool seen = false;
  const auto in_inner = [&]() -> Task<void> {
    seen = inner.cancelled();
    co_return;
  };
  const auto in_outer = [&]() -> Task<void> {
    outer.cancel();
    co_await inner.run(in_inner());
  };
  const auto root = [&]() -> Task<void> { co_await outer.run(in_outer()); };
  loop.run(root());
  REQUIRE(seen);
}

TEST_CASE("a scope cancelled before its task starts ends it at its first wait") {
  FakeLoop loop;
  CancelScope scope;
  scope.cancel();
  int steps = 0;
  const auto task = [&]() -> Task<void> {
    ++steps;
    co_await yield_now();
    ++steps;
  };
  const auto root = [&]() -> Task<bool> {
    const auto result = co_await scope.run(task());
    co_return result.has_value();
  };
  REQUIRE_FALSE(loop.run(root()));
  REQUIRE(steps == 1);
}

TEST_CASE("entering a scope twice at once ends the process") {
  const std::string said = death_of([] {
    FakeLoop loop;
    CancelScope scope;
    const auto again = [&]() -> Task<void> { co_await scope.run(yield_now()); };
    const auto root = [&]() -> Task<void> { co_await scope.run(again()); };
    loop.run(root());
  });
  REQUIRE_THAT(said, ContainsSubstring("a cancel scope was entered twice"));
}

TEST_CASE("a scope that was left by an error can be entered again, or end after the outer one") {
  FakeLoop loop;
  CancelScope longer_lived;
  const auto fails = []() -> Task<void> {
    co_await yield_now();
    throw Error(ErrorKind::exited, "no");
  };
  const auto enter = [&]() -> Task<void> { co_await longer_lived.run(fails()); };
  const auto root = [&]() -> Task<int> {
    int failures = 0;
    for (int i = 0; i < 2; ++i) {
      try {
        co_await with_timeout(1s, enter());
      } catch (const Error&) {
        ++failures;
      }
    }
    co_return failures;
  };
  REQUIRE(loop.run(root()) == 2);
}
