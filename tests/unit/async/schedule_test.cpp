// SPDX-License-Identifier: MIT
// Every order of completions and cancellations, with every small distance between them.
#include <algorithm>
#include <functional>
#include <optional>
#include <vector>

#include <vmfleet/async/channel.hpp>
#include <vmfleet/async/event.hpp>
#include <vmfleet/async/semaphore.hpp>
#include <vmfleet/async/task_group.hpp>

#include "tests/support/catch.hpp"
#include "tests/unit/async/fake_loop.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

constexpr int kWaiters = 3;
constexpr int kLongestGap = 4;  // turns: a wake-up passes through three resumptions

/// Three waiters, each in a scope of its own. `step(n)`: n < kWaiters cancels that waiter, the
/// others complete one wait each.
class Scenario {
 public:
  using Wait = std::function<Task<void>()>;
  using Complete = std::function<void()>;
  Scenario(Wait wait, Complete complete) : wait_(std::move(wait)), complete_(std::move(complete)) {}

  void run(FakeLoop& loop, const std::vector<int>& steps, int gap) {
    auto body = [&](TaskGroup& group) -> Task<void> {
      for (int i = 0; i < kWaiters; ++i) {
        auto waiter = [this, i]() -> Task<void> {
          const auto result = co_await scopes_[i].run(wait_());
          if (result) ++completed;
          if (!result) ++cancelled;
          if (!result && !asked_[i]) ++cancelled_without_cause;
        };
        group.start(std::move(waiter));
      }
      for (const int step : steps) {
        if (step < kWaiters) {
          asked_[step] = true;
          scopes_[step].cancel();
        } else {
          complete_();
        }
        co_await turns(gap);
      }
    };
    loop.run(with_task_group(body));
  }

  int completed = 0;
  int cancelled = 0;
  int cancelled_without_cause = 0;

 private:
  Wait wait_;
  Complete complete_;
  CancelScope scopes_[kWaiters];
  bool asked_[kWaiters] = {};
};

/// Calls `check(steps, gap)` for every order of `cancels` cancellations and `completes` others.
template <class Check>
void for_each_schedule(int cancels, int completes, Check check) {
  std::vector<int> steps;
  for (int i = 0; i < cancels; ++i) steps.push_back(i);
  for (int i = 0; i < completes; ++i) steps.push_back(kWaiters);
  do {
    for (int gap = 0; gap <= kLongestGap; ++gap) {
      INFO("steps " << Catch::Detail::stringify(steps) << ", gap " << gap);
      check(steps, gap);
    }
  } while (std::next_permutation(steps.begin(), steps.end()));
}

}  // namespace

TEST_CASE("no schedule of releases and cancellations loses or doubles a permit") {
  for_each_schedule(kWaiters, kWaiters, [](const std::vector<int>& steps, int gap) {
    FakeLoop loop;
    Semaphore semaphore(kWaiters);
    std::vector<Semaphore::Permit> held;
    const auto take_all = [&]() -> Task<void> {
      while (semaphore.available() > 0) held.push_back(co_await semaphore.acquire());
    };
    loop.run(take_all());
    const auto wait = [&]() -> Task<void> { const auto permit = co_await semaphore.acquire(); };
    Scenario scenario(wait, [&] { held.pop_back(); });
    scenario.run(loop, steps, gap);
    REQUIRE(scenario.completed + scenario.cancelled == kWaiters);
    REQUIRE(scenario.cancelled_without_cause == 0);
    REQUIRE(semaphore.available() == kWaiters);
  });
}

TEST_CASE("a permit that is handed over as its waiter's deadline passes is not lost") {
  for (int gap = 0; gap <= kLongestGap; ++gap) {
    FakeLoop loop;
    Semaphore semaphore(1);
    auto body = [&](TaskGroup& group) -> Task<void> {
      std::optional<Semaphore::Permit> held(co_await semaphore.acquire());
      const auto waiter = [&]() -> Task<void> {
        try {
          const auto permit = co_await with_timeout(10ms, semaphore.acquire());
        } catch (const Error&) {
        }
      };
      group.start(waiter);
      co_await sleep_for(10ms);  // fires in the same turn as the deadline
      co_await turns(gap);
      held.reset();
    };
    loop.run(with_task_group(body));
    REQUIRE(semaphore.available() == 1);
  }
}

TEST_CASE("a permit that is released just before its waiter's deadline goes to the waiter") {
  FakeLoop loop;
  Semaphore semaphore(1);
  bool got_it = false;
  auto body = [&](TaskGroup& group) -> Task<void> {
    std::optional<Semaphore::Permit> held(co_await semaphore.acquire());
    const TimePoint deadline = loop.clock.now() + 10ms;
    const auto waiter = [&]() -> Task<void> {
      const auto permit = co_await with_deadline(deadline, semaphore.acquire());
      got_it = true;
    };
    group.start(waiter);
    held.reset();              // handed over: the waiter resumes only in later turns
    loop.clock.advance(20ms);  // and its deadline passes meanwhile
    co_return;
  };
  loop.run(with_task_group(body));
  REQUIRE(got_it);
  REQUIRE(semaphore.available() == 1);
}

TEST_CASE("no schedule of sends and cancellations loses or doubles an item") {
  for_each_schedule(kWaiters, 2, [](const std::vector<int>& steps, int gap) {
    FakeLoop loop;
    Channel<int> channel(8);
    std::vector<int> received;
    int sent = 0;
    const auto wait = [&]() -> Task<void> {
      const auto item = co_await channel.receive();
      if (item) received.push_back(*item);
    };
    Scenario scenario(wait, [&] { REQUIRE(channel.try_send(sent++)); });
    scenario.run(loop, steps, gap);
    REQUIRE(scenario.completed + scenario.cancelled == kWaiters);
    REQUIRE(scenario.cancelled_without_cause == 0);
    while (const auto item = channel.try_receive()) received.push_back(*item);
    REQUIRE(received == std::vector<int>{0, 1});
  });
}

TEST_CASE("no schedule of receives and cancellations loses or doubles a sent item") {
  for_each_schedule(kWaiters, 3, [](const std::vector<int>& steps, int gap) {
    FakeLoop loop;
    Channel<int> channel(1);
    REQUIRE(channel.try_send(0));
    int sent = 1;
    int taken = 0;
    const auto wait = [&]() -> Task<void> {
      if (co_await channel.send(1)) ++sent;
    };
    Scenario scenario(wait, [&] { taken += channel.try_receive().has_value() ? 1 : 0; });
    scenario.run(loop, steps, gap);
    while (channel.try_receive()) ++taken;
    REQUIRE(scenario.completed + scenario.cancelled == kWaiters);
    REQUIRE(scenario.cancelled_without_cause == 0);
    REQUIRE(scenario.completed == sent - 1);
    REQUIRE(taken == sent);
  });
}

TEST_CASE("for each kind of wait, what comes first decides") {
  struct Kind {
    const char* name;
    std::function<Task<void>()> wait;
    std::function<void()> complete;
    int first_turn;  // in which the completion has arrived
  };
  const bool complete_first = GENERATE(true, false);
  const int gap = GENERATE(range(0, kLongestGap + 1));
  FakeLoop loop;
  Event event;
  Semaphore semaphore(1);
  std::optional<Semaphore::Permit> held;
  Channel<int> items(1);
  Channel<int> full(1);
  REQUIRE(full.try_send(0));
  const TimePoint soon = loop.clock.now() + 5ms;
  const std::vector<Kind> kinds = {
      {"an event", [&] { return event.wait(); }, [&] { event.set(); }, 0},
      {"a permit", [&]() -> Task<void> { co_await semaphore.acquire(); }, [&] { held.reset(); }, 0},
      {"an item", [&]() -> Task<void> { co_await items.receive(); }, [&] { items.try_send(1); }, 0},
      {"room", [&]() -> Task<void> { co_await full.send(1); }, [&] { full.try_receive(); }, 0},
      {"time", [&] { return sleep_until(soon); }, [&] { loop.clock.advance(10ms); }, 1},
  };
  for (const Kind& kind : kinds) {
    INFO(kind.name << ", gap " << gap << ", completed first: " << complete_first);
    CancelScope scope;
    bool completed = false;
    auto body = [&](TaskGroup& group) -> Task<void> {
      if (!held) held.emplace(co_await semaphore.acquire());
      group.start([&]() -> Task<void> {
        const auto result = co_await scope.run(kind.wait());
        completed = result.has_value();
      });
      if (complete_first) {
        kind.complete();
        co_await turns(std::max(gap, kind.first_turn));
      }
      scope.cancel();
      co_await turns(gap);
      if (!complete_first) kind.complete();
    };
    loop.run(with_task_group(body));
    REQUIRE(completed == complete_first);
  }
}
