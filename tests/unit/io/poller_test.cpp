// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>

#include <vmfleet/async/task_group.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/base/unique_fd.hpp>

#include "io/poller.hpp"
#include "tests/support/death.hpp"
#include "tests/unit/io/small_files.hpp"

using namespace vmfleet;
using namespace vmfleet::test;
using namespace std::chrono_literals;
using detail::Poller;

namespace {

struct Pair {
  UniqueFd ours;
  UniqueFd theirs;
  Pair() {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
    ours = UniqueFd(ends[0]);
    theirs = UniqueFd(ends[1]);
  }
  void fill() {
    const std::string block(4096, 'x');
    while (::write(ours.get(), block.data(), block.size()) > 0) {
    }
  }
  void drain() {
    char buffer[4096];
    while (::read(theirs.get(), buffer, sizeof buffer) > 0) {
    }
  }
};

}  // namespace

TEST_CASE("both directions of one descriptor are waited for at once") {
  Loop loop;
  Pair pair;
  pair.fill();
  Poller poller(loop, pair.ours.get(), "test");
  int done = 0;
  auto body = [&](TaskGroup& group) -> Task<void> {
    group.start([&]() -> Task<void> {
      co_await poller.readable();
      ++done;
    });
    group.start([&]() -> Task<void> {
      co_await poller.writable();
      ++done;
    });
    co_await sleep_for(1ms);
    REQUIRE(done == 0);
    REQUIRE(::write(pair.theirs.get(), "x", 1) == 1);
    while (done < 1) co_await yield_now();
    pair.drain();
  };
  loop.run(with_task_group(body));
  REQUIRE(done == 2);
}

TEST_CASE("an idle descriptor keeps no loop alive") {
  Loop loop;
  const Pair pair;
  const Poller poller(loop, pair.ours.get(), "test");
  Event never;
  REQUIRE_THROWS_WITH(loop.run(never.wait()),
                      ContainsSubstring("deadlock: nothing can happen any more"));
}

TEST_CASE("a cancelled wait can be repeated, a hundred times") {
  Loop loop;
  Pair pair;
  Poller poller(loop, pair.ours.get(), "test");
  const auto root = [&]() -> Task<void> {
    for (int i = 0; i < 100; ++i) {
      CancelScope scope;
      auto body = [&](TaskGroup& group) -> Task<void> {
        group.start([&]() -> Task<void> { co_await scope.run(poller.readable()); });
        if (i % 2 == 0) co_await yield_now();
        scope.cancel();
      };
      co_await with_task_group(body);
    }
    REQUIRE(::write(pair.theirs.get(), "x", 1) == 1);
    co_await poller.readable();
  };
  loop.run(root());
}

TEST_CASE("waits end when their poller does") {
  Loop loop;
  Pair pair;
  pair.fill();
  auto poller = std::make_unique<Poller>(loop, pair.ours.get(), "test");
  int ended = 0;
  auto body = [&](TaskGroup& group) -> Task<void> {
    group.start([&]() -> Task<void> {
      co_await poller->readable();
      ++ended;
    });
    group.start([&]() -> Task<void> {
      co_await poller->writable();
      ++ended;
    });
    co_await yield_now();
    poller.reset();
  };
  loop.run(with_task_group(body));
  REQUIRE(ended == 2);
}

TEST_CASE("the end of the peer wakes readers and writers") {
  Loop loop;
  Pair pair;
  pair.fill();
  Poller poller(loop, pair.ours.get(), "test");
  auto body = [&](TaskGroup& group) -> Task<void> {
    group.start([&]() -> Task<void> { co_await poller.readable(); });
    group.start([&]() -> Task<void> { co_await poller.writable(); });
    co_await sleep_for(1ms);
    pair.theirs.reset();
  };
  loop.run(with_task_group(body));
}

TEST_CASE("what cannot be polled is an error") {
  Loop loop;
  const TempDir folder;
  append(folder / "file", "x");
  const UniqueFd file(::open((folder / "file").c_str(), O_RDONLY | O_CLOEXEC));
  REQUIRE_THROWS_AS(Poller(loop, file.get(), "test"), Error);
  REQUIRE_THROWS_AS(Poller(loop, -1, "test"), Error);
}

TEST_CASE("two tasks that wait for the same direction end the process") {
  const std::string said = death_of([] {
    Loop loop;
    const Pair pair;
    Poller poller(loop, pair.ours.get(), "test");
    auto body = [&](TaskGroup& group) -> Task<void> {
      for (int i = 0; i < 2; ++i) {
        group.start([&]() -> Task<void> { co_await poller.readable(); });
      }
      co_return;
    };
    loop.run(with_task_group(body));
  });
  REQUIRE_THAT(said, ContainsSubstring("two tasks wait for the same direction"));
}
