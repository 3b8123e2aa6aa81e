// SPDX-License-Identifier: MIT
#include <condition_variable>
#include <csignal>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>

#include <vmfleet/async/offload.hpp>
#include <vmfleet/async/task_group.hpp>

#include "tests/support/catch.hpp"
#include "tests/unit/async/fake_loop.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

/// Holds functions on the thread pool until it is opened.
class Gate {
 public:
  void pass() {
    std::unique_lock lock(mutex_);
    ++inside_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
  }
  void wait_for(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return inside_ >= count; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int inside_ = 0;
  bool open_ = false;
};

int pool_size() {
  const char* set = std::getenv("UV_THREADPOOL_SIZE");
  return set == nullptr ? 4 : std::atoi(set);
}

}  // namespace

TEST_CASE("a function runs on another thread and its result comes back") {
  Loop loop;
  const auto root = []() -> Task<std::unique_ptr<int>> {
    const auto here = std::this_thread::get_id();
    auto result = co_await offload(
        [&] { return std::this_thread::get_id() == here ? nullptr : std::make_unique<int>(3); });
    co_return result;
  };
  const auto result = loop.run(root());
  REQUIRE(result);
  REQUIRE(*result == 3);
}

TEST_CASE("what the function throws is thrown where it is awaited") {
  Loop loop;
  const auto root = []() -> Task<void> {
    co_await offload([] { throw std::runtime_error("disk"); });
  };
  REQUIRE_THROWS_WITH(loop.run(root()), "disk");
}

TEST_CASE("work that has begun is waited for and gives its result, though it was cancelled") {
  Loop loop;
  Gate gate;
  CancelScope scope;
  const auto work = [&]() -> Task<int> {
    co_return co_await offload([&] {
      gate.pass();
      return 9;
    });
  };
  int result = 0;
  auto body = [&](TaskGroup& group) -> Task<void> {
    group.start([&]() -> Task<void> {
      const auto given = co_await scope.run(work());
      result = given.value_or(-1);
    });
    gate.wait_for(1);
    scope.cancel();
    co_await turns(5);
    REQUIRE(result == 0);
    gate.open();
  };
  loop.run(with_task_group(body));
  REQUIRE(result == 9);
}

TEST_CASE("work that has not begun is dropped when it is cancelled") {
  Loop loop;
  Gate gate;
  CancelScope scope;
  bool ran = false;
  bool cancelled = false;
  auto body = [&](TaskGroup& group) -> Task<void> {
    for (int i = 0; i < pool_size(); ++i) {
      group.start([&]() -> Task<void> { co_await offload([&] { gate.pass(); }); });
    }
    gate.wait_for(pool_size());
    group.start([&]() -> Task<void> {
      const auto result = co_await scope.run(offload([&] { ran = true; }));
      cancelled = !result.has_value();
      gate.open();
    });
    scope.cancel();
    co_return;
  };
  loop.run(with_task_group(body));
  REQUIRE(cancelled);
  REQUIRE_FALSE(ran);
}

TEST_CASE("a loop stays responsive while functions block") {
  Loop loop;
  Gate gate;
  auto body = [&](TaskGroup& group) -> Task<void> {
    group.start([&]() -> Task<void> { co_await offload([&] { gate.pass(); }); });
    co_await sleep_for(2ms);
    co_await turns(10);
    gate.open();
  };
  loop.run(with_task_group(body));
}

TEST_CASE("signals are left to the program's own threads") {
  const auto takes_signals = [] {
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    return sigismember(&blocked, SIGTERM) == 0;
  };
  Loop loop;
  auto work = [&]() -> Task<bool> { co_return co_await offload(takes_signals); };
  CHECK_FALSE(loop.run(work()));
  CHECK(takes_signals());
}
