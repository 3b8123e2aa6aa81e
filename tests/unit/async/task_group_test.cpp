// SPDX-License-Identifier: MIT
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <vmfleet/async/event.hpp>
#include <vmfleet/async/task_group.hpp>

#include "tests/support/catch.hpp"
#include "tests/unit/async/fake_loop.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

Task<void> fail_with(std::string what) {
  throw Error(ErrorKind::exited, std::move(what));
  co_return;
}

Task<void> fail_after(int count, std::string what) {
  co_await turns(count);
  co_await fail_with(std::move(what));
}

/// What the task failed with.
Task<std::string> failure_of(Task<void> task) {
  try {
    co_await std::move(task);
  } catch (const std::exception& error) {
    co_return error.what();
  }
  co_return "";
}

}  // namespace

TEST_CASE("a group returns only when all that it started has ended") {
  FakeLoop loop;
  int ended = 0;
  const auto child = [&](int seconds) -> Task<void> {
    co_await sleep_for(std::chrono::seconds(seconds));
    ++ended;
  };
  auto body = [&](TaskGroup& group) -> Task<void> {
    for (int i = 1; i <= 5; ++i) group.start(child, i);
    REQUIRE(group.running() == 5);
    co_return;
  };
  loop.run(with_task_group(body));
  REQUIRE(ended == 5);
}

TEST_CASE("a group without children, and one whose children end at once, return") {
  FakeLoop loop;
  auto empty = [](TaskGroup&) -> Task<int> { co_return 3; };
  REQUIRE(loop.run(with_task_group(empty)) == 3);
  auto quick = [](TaskGroup& group) -> Task<int> {
    group.start([]() -> Task<void> { co_return; });
    co_return 4;
  };
  REQUIRE(loop.run(with_task_group(quick)) == 4);
}

TEST_CASE("the first failure ends the siblings, whose cleanup is waited for, and is rethrown") {
  FakeLoop loop;
  int cleaned = 0;
  const auto sibling = [&]() -> Task<void> {
    const auto cleanup = [&]() -> Task<void> {
      co_await sleep_for(2s);
      ++cleaned;
    };
    co_await finally(sleep_for(1h), 10s, cleanup);
  };
  auto body = [&](TaskGroup& group) -> Task<void> {
    group.start(sibling);
    group.start(sibling);
    group.start(&fail_after, 3, std::string("disk"));
    co_await sleep_for(1h);
  };
  REQUIRE(loop.run(failure_of(with_task_group(body))) == "disk");
  REQUIRE(cleaned == 2);
}

TEST_CASE("further failures are counted in the context of the first") {
  FakeLoop loop;
  auto body = [&](TaskGroup& group) -> Task<void> {
    for (int i = 1; i <= 3; ++i) group.start(&fail_after, 1, "child " + std::to_string(i));
    co_await turns(1);
    throw std::runtime_error("body");
  };
  REQUIRE(loop.run(failure_of(with_task_group(body))) == "first of 4 failures: child 1");
}

TEST_CASE("a body that fails ends its children and its failure is rethrown") {
  FakeLoop loop;
  bool cancelled = false;
  auto body = [&](TaskGroup& group) -> Task<void> {
    group.start([&]() -> Task<void> {
      try {
        co_await sleep_for(1h);
      } catch (const Cancelled&) {
        cancelled = true;
        throw;
      }
    });
    throw std::runtime_error("body");
    co_return;
  };
  REQUIRE(loop.run(failure_of(with_task_group(body))) == "body");
  REQUIRE(cancelled);
}

TEST_CASE("a child that fails inside start() is a failure of the group, not of start()") {
  FakeLoop loop;
  bool after_start = false;
  auto body = [&](TaskGroup& group) -> Task<void> {
    group.start(&fail_with, std::string("at once"));
    after_start = true;
    co_await sleep_for(1h);
  };
  REQUIRE(loop.run(failure_of(with_task_group(body))) == "at once");
  REQUIRE(after_start);
}

TEST_CASE("a callable that throws before it gives a task makes start() throw") {
  FakeLoop loop;
  auto body = [&](TaskGroup& group) -> Task<void> {
    const auto broken = []() -> Task<void> { throw std::runtime_error("no task"); };
    group.start(broken);
    REQUIRE(group.running() == 0);
    co_return;
  };
  REQUIRE(loop.run(failure_of(with_task_group(body))) == "no task");
}

TEST_CASE("a child started after cancel() runs to its first wait") {
  FakeLoop loop;
  int steps = 0;
  auto body = [&](TaskGroup& group) -> Task<void> {
    group.cancel();
    group.start([&]() -> Task<void> {
      ++steps;
      co_await yield_now();
      ++steps;
    });
    co_return;
  };
  loop.run(with_task_group(body));
  REQUIRE(steps == 1);
}

TEST_CASE("a child may start another one after the body has ended") {
  FakeLoop loop;
  bool grandchild_ended = false;
  auto body = [&](TaskGroup& group) -> Task<void> {
    group.start([&]() -> Task<void> {
      co_await sleep_for(1s);
      group.start([&]() -> Task<void> {
        co_await sleep_for(1s);
        grandchild_ended = true;
      });
    });
    co_return;
  };
  loop.run(with_task_group(body));
  REQUIRE(grandchild_ended);
}

TEST_CASE("group.cancel() ends all children without an error") {
  FakeLoop loop;
  int ended = 0;
  auto body = [&](TaskGroup& group) -> Task<void> {
    for (int i = 0; i < 3; ++i) {
      group.start([&]() -> Task<void> {
        const auto cleanup = [&]() -> Task<void> {
          ++ended;
          co_return;
        };
        co_await finally(sleep_for(1h), 1s, cleanup);
      });
    }
    co_await turns(1);
    group.cancel();
  };
  loop.run(with_task_group(body));
  REQUIRE(ended == 3);
}

TEST_CASE("cancellation from outside reaches body and children and is passed on") {
  FakeLoop loop;
  CancelScope scope;
  int cancelled = 0;
  const auto child = [&]() -> Task<void> {
    try {
      co_await sleep_for(1h);
    } catch (const Cancelled&) {
      ++cancelled;
      throw;
    }
  };
  bool went_on = false;
  auto body = [&](TaskGroup& group) -> Task<void> {
    group.start(child);
    group.start(child);
    scope.cancel();
    co_await child();
  };
  const auto task = [&]() -> Task<void> {
    co_await with_task_group(body);
    went_on = true;
  };
  const auto root = [&]() -> Task<bool> {
    const auto result = co_await scope.run(task());
    co_return result.has_value();
  };
  REQUIRE_FALSE(loop.run(root()));
  REQUIRE(cancelled == 3);
  REQUIRE_FALSE(went_on);
}

TEST_CASE("callable and arguments live as long as the child") {
  FakeLoop loop;
  int alive = 0;
  auto body = [&](TaskGroup& group) -> Task<void> {
    const Counted counted(alive);
    auto child = [counted, &alive](Counted) -> Task<void> {
      co_await sleep_for(1s);
      REQUIRE(alive >= 2);
    };
    group.start(std::move(child), Counted(alive));
    co_return;
  };
  loop.run(with_task_group(body));
  REQUIRE(alive == 0);
}

TEST_CASE("start_until_ready returns at the child's signal, and the child runs on") {
  FakeLoop loop;
  std::vector<std::string> log;
  auto body = [&](TaskGroup& group) -> Task<void> {
    const auto server = [&](ReadySignal ready, std::string name) -> Task<void> {
      co_await sleep_for(1s);
      log.push_back(name + " ready");
      ready();
      co_await sleep_for(1s);
      log.push_back(name + " ended");
    };
    co_await group.start_until_ready(server, std::string("server"));
    log.emplace_back("body goes on");
  };
  loop.run(with_task_group(body));
  REQUIRE(log == std::vector<std::string>{"server ready", "body goes on", "server ended"});
}

TEST_CASE("a child that ends without having been ready is an error") {
  FakeLoop loop;
  auto body = [&](TaskGroup& group) -> Task<void> {
    const auto quitter = [](ReadySignal) -> Task<void> { co_await sleep_for(1s); };
    co_await group.start_until_ready(quitter);
  };
  REQUIRE(loop.run(failure_of(with_task_group(body))) == "a task ended before it was ready");
}

TEST_CASE("a ready signal may be called again, and after its waiter was cancelled") {
  FakeLoop loop;
  auto body = [&](TaskGroup& group) -> Task<void> {
    const auto slow = [](ReadySignal ready) -> Task<void> {
      try {
        co_await sleep_for(1s);
      } catch (const Cancelled&) {
        ready();
        ready();
        throw;
      }
    };
    group.start([&]() -> Task<void> {
      co_await turns(2);
      group.cancel();
    });
    co_await group.start_until_ready(slow);
  };
  loop.run(with_task_group(body));
}

TEST_CASE("a thousand children in groups of groups all end") {
  FakeLoop loop;
  int ended = 0;
  const auto leaf = [&](int i) -> Task<void> {
    co_await sleep_for(Milliseconds(i % 7));
    ++ended;
  };
  const auto branch = [&]() -> Task<void> {
    auto leaves = [&](TaskGroup& group) -> Task<void> {
      for (int i = 0; i < 50; ++i) group.start(leaf, i);
      co_return;
    };
    co_await with_task_group(leaves);
  };
  auto body = [&](TaskGroup& group) -> Task<void> {
    for (int i = 0; i < 20; ++i) group.start(branch);
    co_return;
  };
  loop.run(with_task_group(body));
  REQUIRE(ended == 1000);
}

TEST_CASE("cancellation from outside is passed on, also when the body had ended before") {
  FakeLoop loop;
  bool went_on = false;
  auto body = [&](TaskGroup& group) -> Task<void> {
    group.start([]() -> Task<void> { co_await sleep_for(1h); });
    co_return;
  };
  const auto task = [&]() -> Task<void> {
    co_await with_task_group(body);
    went_on = true;
  };
  REQUIRE(loop.run(failure_of(with_timeout(1s, task()))) == "timed out after 1.0 s");
  REQUIRE_FALSE(went_on);
}

TEST_CASE("a group that had ended itself before the cancellation from outside gives its result") {
  FakeLoop loop;
  auto body = [&](TaskGroup& group) -> Task<int> {
    group.start([]() -> Task<void> {
      const auto cleanup = []() -> Task<void> { co_await sleep_for(2s); };
      co_await finally(sleep_for(1h), 10s, cleanup);
    });
    group.cancel();
    co_return 5;
  };
  REQUIRE(loop.run(with_timeout(1s, with_task_group(body))) == 5);
}

TEST_CASE("a child may take its arguments by reference") {
  FakeLoop loop;
  std::string seen;
  auto body = [&](TaskGroup& group) -> Task<void> {
    const auto child = [&](const std::string& name, std::unique_ptr<int>&& number) -> Task<void> {
      co_await sleep_for(1s);
      seen = name + " " + std::to_string(*number);
    };
    group.start(child, std::string("a name that is longer than a small string"),
                std::make_unique<int>(7));
    co_return;
  };
  loop.run(with_task_group(body));
  REQUIRE(seen == "a name that is longer than a small string 7");
}

TEST_CASE("a child that fails before it is ready is one failure, not two") {
  FakeLoop loop;
  auto body = [&](TaskGroup& group) -> Task<void> {
    const auto broken = [](ReadySignal) -> Task<void> { co_await fail_after(2, "port taken"); };
    co_await group.start_until_ready(broken);
    FAIL("it was never ready");
  };
  REQUIRE(loop.run(failure_of(with_task_group(body))) == "port taken");
}
