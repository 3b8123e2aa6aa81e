// SPDX-License-Identifier: MIT
#include <memory>
#include <vector>

#include <vmfleet/async/channel.hpp>
#include <vmfleet/async/task_group.hpp>
#include <vmfleet/async/when.hpp>

#include "tests/support/death.hpp"
#include "tests/unit/async/fake_loop.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

TEST_CASE("items arrive in order, and a full channel makes its sender wait") {
  FakeLoop loop;
  Channel<int> channel(2);
  std::vector<int> received;
  std::size_t most = 0;
  auto body = [&](TaskGroup& group) -> Task<void> {
    group.start([&]() -> Task<void> {
      for (int i = 0; i < 100; ++i) {
        co_await channel.send(i);
        most = std::max(most, channel.size());
      }
      channel.close();
    });
    while (auto item = co_await channel.receive()) received.push_back(*item);
  };
  loop.run(with_task_group(body));
  REQUIRE(received.size() == 100);
  REQUIRE(std::is_sorted(received.begin(), received.end()));
  REQUIRE(most == 2);
}

TEST_CASE("move-only items pass through a channel") {
  FakeLoop loop;
  Channel<std::unique_ptr<int>> channel(1);
  const auto root = [&]() -> Task<int> {
    auto item = std::make_unique<int>(4);
    co_await channel.send(std::move(item));
    auto received = co_await channel.receive();
    co_return **received;
  };
  REQUIRE(loop.run(root()) == 4);
}

TEST_CASE("a closed channel gives what is queued, then ends") {
  FakeLoop loop;
  Channel<int> channel(4);
  const auto root = [&]() -> Task<void> {
    REQUIRE(channel.try_send(1));
    REQUIRE(channel.try_send(2));
    channel.close();
    REQUIRE_FALSE(channel.try_send(3));
    const bool sent = co_await channel.send(3);
    REQUIRE_FALSE(sent);
    const auto first = co_await channel.receive();
    const auto second = co_await channel.receive();
    const auto third = co_await channel.receive();
    REQUIRE(first == 1);
    REQUIRE(second == 2);
    REQUIRE_FALSE(third.has_value());
  };
  loop.run(root());
}

TEST_CASE("closing a channel wakes every sender and every receiver") {
  FakeLoop loop;
  Channel<int> empty(1);
  Channel<int> full(1);
  REQUIRE(full.try_send(0));
  int ended = 0;
  auto body = [&](TaskGroup& group) -> Task<void> {
    for (int i = 0; i < 3; ++i) {
      group.start([&]() -> Task<void> {
        const auto item = co_await empty.receive();
        if (!item) ++ended;
      });
      group.start([&]() -> Task<void> {
        const bool sent = co_await full.send(1);
        if (!sent) ++ended;
      });
    }
    empty.close();
    full.close();
    co_return;
  };
  loop.run(with_task_group(body));
  REQUIRE(ended == 6);
}

TEST_CASE("many senders and receivers share a small channel without loss") {
  FakeLoop loop;
  Channel<int> channel(1);
  std::vector<int> seen(400, 0);
  int senders = 4;
  auto body = [&](TaskGroup& group) -> Task<void> {
    for (int s = 0; s < 4; ++s) {
      group.start([&, s]() -> Task<void> {
        for (int i = 0; i < 100; ++i) co_await channel.send(s * 100 + i);
        if (--senders == 0) channel.close();
      });
      group.start([&]() -> Task<void> {
        while (auto item = co_await channel.receive()) ++seen[static_cast<std::size_t>(*item)];
      });
    }
    co_return;
  };
  loop.run(with_task_group(body));
  REQUIRE(seen == std::vector<int>(400, 1));
}

TEST_CASE("a channel without room ends the process") {
  const std::string said = death_of([] { const Channel<int> channel(0); });
  REQUIRE_THAT(said, ContainsSubstring("a channel needs room"));
}

TEST_CASE("in a cancelled scope nothing is taken from a channel and nothing put into it") {
  FakeLoop loop;
  Channel<int> channel(4);
  REQUIRE(channel.try_send(1));
  CancelScope scope;
  scope.cancel();
  const auto receive = [&]() -> Task<void> { co_await channel.receive(); };
  const auto send = [&]() -> Task<void> { co_await channel.send(2); };
  const auto root = [&]() -> Task<void> {
    const auto received = co_await scope.run(receive());
    const auto sent = co_await scope.run(send());
    REQUIRE_FALSE(received.has_value());
    REQUIRE_FALSE(sent.has_value());
  };
  loop.run(root());
  REQUIRE(channel.size() == 1);
}

TEST_CASE("when_any takes an item from one channel only") {
  FakeLoop loop;
  Channel<int> left(1);
  Channel<int> right(1);
  REQUIRE(left.try_send(1));
  REQUIRE(right.try_send(2));
  const auto root = [&]() -> Task<void> {
    const auto winner = co_await when_any(left.receive(), right.receive());
    REQUIRE(winner.index() == 0);
  };
  loop.run(root());
  REQUIRE(right.size() == 1);
}
