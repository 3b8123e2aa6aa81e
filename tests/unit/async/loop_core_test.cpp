// SPDX-License-Identifier: MIT
#include <sys/syscall.h>
#include <unistd.h>
#include <uv.h>

#include <atomic>
#include <cerrno>
#include <thread>
#include <vector>

#include <vmfleet/async/event.hpp>
#include <vmfleet/async/offload.hpp>
#include <vmfleet/async/task_group.hpp>

#include "async/uv_handle.hpp"
#include "tests/support/death.hpp"
#include "tests/support/refuse.hpp"
#include "tests/unit/async/fake_loop.hpp"
#include "tests/unit/async/uv_watch.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

TEST_CASE("a call from another thread runs on the loop's thread") {
  Loop loop;
  Event called;
  std::thread::id ran_on;
  const Loop::KeepAlive keep(loop);
  std::thread other([&] {
    loop.post_from_any_thread([&] {
      ran_on = std::this_thread::get_id();
      called.set();
    });
  });
  loop.run(called.wait());
  other.join();
  REQUIRE(ran_on == std::this_thread::get_id());
}

TEST_CASE("no call of many threads is lost, and each thread's own stay in order") {
  constexpr int kThreads = 4;
  constexpr int kCalls = 2000;
  Loop loop;
  Event all;
  std::vector<int> next(kThreads, 0);
  int out_of_order = 0;
  int count = 0;
  const Loop::KeepAlive keep(loop);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kCalls; ++i) {
        loop.post_from_any_thread([&, t, i] {
          if (next[static_cast<std::size_t>(t)]++ != i) ++out_of_order;
          if (++count == kThreads * kCalls) all.set();
        });
      }
    });
  }
  loop.run(all.wait());
  for (auto& thread : threads) thread.join();
  REQUIRE(count == kThreads * kCalls);
  REQUIRE(out_of_order == 0);
}

TEST_CASE("a posted call may post again, and the loop ends with calls that never ran") {
  Loop loop;
  int calls = 0;
  Event done;
  const Loop::KeepAlive keep(loop);
  loop.post_from_any_thread([&] {
    ++calls;
    loop.post_from_any_thread([&] {
      ++calls;
      done.set();
    });
  });
  loop.run(done.wait());
  REQUIRE(calls == 2);
  loop.post_from_any_thread([&] { ++calls; });
}

TEST_CASE("without a KeepAlive a loop that waits for a call reports the deadlock") {
  Loop loop;
  Event never;
  {
    const Loop::KeepAlive keep(loop);
    const Loop::KeepAlive another(loop);
  }
  REQUIRE_THROWS_AS(loop.run(never.wait()), Error);
}

TEST_CASE("I/O is served while a task is always ready") {
  Loop loop;
  Ticker ticker(*loop.uv());
  const auto busy = [&]() -> Task<void> {
    while (ticker.ticks < 3) co_await yield_now();
  };
  loop.run(busy());
}

TEST_CASE("timers fire while a task is always ready") {
  Loop loop;
  const auto busy = []() -> Task<void> {
    for (;;) co_await yield_now();
  };
  REQUIRE_THROWS_AS(loop.run(with_timeout(5ms, busy())), Error);
}

TEST_CASE("a fake clock does not jump while work is under way") {
  FakeLoop loop;
  std::atomic<bool> go = false;
  const TimePoint start = loop.clock.now();
  const auto work = [&]() -> Task<void> {
    co_await offload([&] {
      while (!go) std::this_thread::yield();
    });
    REQUIRE(loop.clock.now() == start);
  };
  auto body = [&](TaskGroup& group) -> Task<void> {
    group.start(work);
    group.start([]() -> Task<void> { co_await sleep_for(1h); });
    co_await turns(10);
    go = true;
  };
  loop.run(with_task_group(body));
  REQUIRE(loop.clock.now() == start + 1h);
}

TEST_CASE("a handle that is open when its loop ends is reported by name") {
  const std::string said = death_of([] {
    auto loop = std::make_unique<Loop>();
    auto* leaked = new detail::UvHandle<uv_timer_t>(*loop, "ForgottenTimer");
    uv_timer_init(loop->uv(), leaked->get());
    loop.reset();
  });
  REQUIRE_THAT(said, ContainsSubstring("the loop ends while handles are open"));
  REQUIRE_THAT(said, ContainsSubstring("ForgottenTimer"));
}

TEST_CASE("using a loop from another thread ends the process") {
  const std::string said = death_of([] {
    Loop loop;
    Event event;
    auto body = [&](TaskGroup& group) -> Task<void> {
      group.start([&]() -> Task<void> { co_await event.wait(); });
      std::thread other([&] { event.set(); });
      other.join();
      co_return;
    };
    loop.run(with_task_group(body));
  });
  REQUIRE_THAT(said, ContainsSubstring("a loop was used from another thread"));
}

TEST_CASE("a handle's owner may go at once; its memory follows in the loop's own time") {
  Loop loop;
  {
    detail::UvHandle<uv_timer_t> handle(loop, "short-lived");
    uv_timer_init(loop.uv(), handle.get());
    detail::UvHandle<uv_timer_t> moved(std::move(handle));
    moved.close();
    moved.close();
    detail::UvHandle<uv_timer_t> never_initialised(loop, "abandoned");
    never_initialised.abandon();
  }
  loop.run(turns(1));
}

TEST_CASE("a loop may be made on one thread and run on another") {
  Loop loop;
  int result = 0;
  std::thread other([&] {
    const auto root = []() -> Task<int> {
      co_await yield_now();
      co_return 4;
    };
    result = loop.run(root());
  });
  other.join();
  REQUIRE(result == 4);
  loop.run(turns(1));
}

TEST_CASE("a call that was posted before the wait runs without a KeepAlive") {
  FakeLoop loop;
  Event called;
  const auto root = [&]() -> Task<void> {
    loop.loop.post_from_any_thread([&] { called.set(); });
    co_await called.wait();
  };
  loop.run(root());
  const TimePoint before = loop.clock.now();
  const auto bounded = [&]() -> Task<void> {
    called.clear();
    loop.loop.post_from_any_thread([&] { called.set(); });
    co_await with_timeout(1h, called.wait());
  };
  loop.run(bounded());
  REQUIRE(loop.clock.now() == before);
}

TEST_CASE("a deadline passes on a given real clock, though I/O could still happen") {
  SteadyClock clock;
  Loop loop(clock);
  const Loop::KeepAlive keep(loop);
  Event never;
  REQUIRE_THROWS_WITH(loop.run(with_timeout(2ms, never.wait())), "timed out after 2 ms");
}

TEST_CASE("a raw handle that is open when its loop ends is reported by its type") {
  const std::string said = death_of([] {
    ::alarm(20);  // the end that it had: waiting for ever
    auto loop = std::make_unique<Loop>();
    auto* raw = new uv_timer_t;
    uv_timer_init(loop->uv(), raw);
    uv_timer_start(
        raw, [](uv_timer_t*) {}, 1000, 1000);
    loop.reset();
  });
  REQUIRE_THAT(said, ContainsSubstring("the loop ends while handles are open"));
  REQUIRE_THAT(said, ContainsSubstring("timer"));
}

TEST_CASE("a loop that cannot be made is an error, not the end of the process") {
  REQUIRE(holds_without(SYS_epoll_create1, EMFILE, [] {
    try {
      const Loop loop;
    } catch (const Error& error) {
      return error.kind() == ErrorKind::unavailable;
    }
    return false;
  }));
}

namespace {

/// Time passes with every look at it, as for a process that is interrupted between any two steps.
class CreepingClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const noexcept override { return now_ += 1ms; }
  bool jump_to(TimePoint) noexcept override { return false; }

 private:
  mutable TimePoint now_{1h};
};

}  // namespace

TEST_CASE("a deadline that falls due while the loop prepares to wait is not slept through") {
  for (int delay = 1; delay <= 12; ++delay) {
    CreepingClock clock;
    Loop loop(clock);
    Watchdog watchdog(loop);
    loop.run(sleep_for(Milliseconds(delay)));
    REQUIRE(watchdog.stop());
  }
}
