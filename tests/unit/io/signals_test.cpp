// SPDX-License-Identifier: MIT
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <optional>
#include <thread>
#include <vector>

#include <vmfleet/async/task_group.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/io/signals.hpp>

#include "tests/support/catch.hpp"

using namespace vmfleet;
using namespace std::chrono_literals;

namespace {

bool has_default_action(int number) {
  struct sigaction action {};
  REQUIRE(::sigaction(number, nullptr, &action) == 0);
  return action.sa_handler == SIG_DFL;
}

}  // namespace

TEST_CASE("a signal that arrives ends the wait for it") {
  Loop loop;
  Signals signals(loop, {SIGUSR1, SIGUSR2});
  int number = 0;
  auto body = [&](TaskGroup& group) -> Task<void> {
    group.start([&]() -> Task<void> { number = co_await signals.next(); });
    co_await sleep_for(1ms);
    REQUIRE(number == 0);
    ::raise(SIGUSR2);
  };
  loop.run(with_task_group(body));
  REQUIRE(number == SIGUSR2);
}

TEST_CASE("signals that arrive while nobody waits are kept") {
  Loop loop;
  Signals signals(loop, {SIGUSR1, SIGUSR2});
  ::raise(SIGUSR1);
  ::raise(SIGUSR2);
  const auto root = [&]() -> Task<std::vector<int>> {
    std::vector<int> numbers;
    numbers.push_back(co_await signals.next());
    numbers.push_back(co_await signals.next());
    co_return numbers;
  };
  auto numbers = loop.run(root());
  std::sort(numbers.begin(), numbers.end());
  REQUIRE(numbers == std::vector<int>{SIGUSR1, SIGUSR2});
}

TEST_CASE("a storm of signals ends no process and leaves the last one to be seen") {
  Loop loop;
  Signals signals(loop, {SIGUSR1, SIGUSR2});
  for (int i = 0; i < 2000; ++i) ::raise(SIGUSR1);
  ::raise(SIGUSR2);
  const auto root = [&]() -> Task<void> {
    while (co_await signals.next() != SIGUSR2) {
    }
  };
  loop.run(root());
}

TEST_CASE("the default action is back when nobody watches any more") {
  Loop loop;
  {
    const Signals signals(loop, {SIGUSR1});
    REQUIRE_FALSE(has_default_action(SIGUSR1));
  }
  REQUIRE(has_default_action(SIGUSR1));
}

TEST_CASE("what is held off has no default action, also when nobody watches any more") {
  const pid_t child = ::fork();
  if (child == 0) {
    hold_off_signals({SIGUSR1});
    {
      Loop loop;
      const Signals signals(loop, {SIGUSR1});
    }
    for (int i = 0; i < 100'000; ++i) ::raise(SIGUSR1);  // more than any pipe holds
    ::_exit(7);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) == 7);
}

TEST_CASE("a watched signal keeps no loop alive that nobody waits on") {
  Loop loop;
  Signals signals(loop, {SIGUSR1});
  Event never;
  REQUIRE_THROWS_WITH(loop.run(never.wait()),
                      ContainsSubstring("deadlock: nothing can happen any more"));
}

TEST_CASE("a wait for a signal can be cancelled and repeated") {
  Loop loop;
  Signals signals(loop, {SIGUSR1});
  const auto root = [&]() -> Task<int> {
    try {
      co_await with_timeout(1ms, signals.next());
    } catch (const Error&) {
      ::raise(SIGUSR1);
    }
    co_return co_await signals.next();
  };
  REQUIRE(loop.run(root()) == SIGUSR1);
}

TEST_CASE("a signal that cannot be watched is an error") {
  Loop loop;
  REQUIRE_THROWS_AS(Signals(loop, {SIGUSR1, SIGKILL}), Error);
  REQUIRE(has_default_action(SIGUSR1));
}

TEST_CASE("several tasks may wait for signals, and one that ends leaves the others waiting") {
  Loop loop;
  Signals signals(loop, {SIGUSR1});
  std::atomic<int> received = 0;
  auto body = [&](TaskGroup& group) -> Task<void> {
    for (int i = 0; i < 2; ++i) {
      group.start([&]() -> Task<void> {
        co_await signals.next();
        ++received;
      });
    }
    co_return;
  };
  std::thread sender([&] {
    ::kill(::getpid(), SIGUSR1);
    while (received < 1) std::this_thread::yield();
    std::this_thread::sleep_for(20ms);  // time enough for a loop to take itself for dead
    ::kill(::getpid(), SIGUSR1);
  });
  loop.run(with_task_group(body));
  sender.join();
  REQUIRE(received == 2);
}
