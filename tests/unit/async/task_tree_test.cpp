// SPDX-License-Identifier: MIT
#include <string>

#include <vmfleet/async/event.hpp>
#include <vmfleet/async/task_group.hpp>

#include "tests/support/catch.hpp"
#include "tests/unit/async/fake_loop.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

Task<void> inner(Event& event) {
  co_await event.wait();
}

Task<void> outer(Event& event) {
  co_await inner(event);
}

Task<void> sleeper() {
  co_await sleep_for(1h);
}

/// The part of `line` before its place, and what it waits for.
std::string shape(const std::string& tree) {
  std::string result;
  for (std::size_t at = 0; at < tree.size();) {
    const std::size_t end = tree.find('\n', at);
    const std::string line = tree.substr(at, end - at);
    const std::size_t place = line.find(" at ");
    const std::size_t wait = line.find(" waits for ");
    result += line.substr(0, place) + (wait == std::string::npos ? "" : line.substr(wait)) + "\n";
    at = end + 1;
  }
  return result;
}

}  // namespace

TEST_CASE("the task tree shows every unfinished task under the one that waits for it") {
  FakeLoop loop;
  Event event;
  std::string tree;
  auto body = [&](TaskGroup& group) -> Task<void> {
    group.start(&outer, std::ref(event));
    group.start(&sleeper);
    tree = loop.loop.task_tree();
    event.set();
    group.cancel();
    co_return;
  };
  loop.run(with_task_group(body));
  const std::string seen = shape(tree);
  INFO(tree);
  REQUIRE_THAT(seen, ContainsSubstring("with_task_group\n  operator()\n  outer\n    inner\n      "
                                       "wait\n        wait waits for an event\n"));
  REQUIRE_THAT(seen, ContainsSubstring("  sleeper\n    sleep_for\n      sleep_until waits for a "
                                       "deadline\n"));
  REQUIRE_THAT(tree, ContainsSubstring("outer at task_tree_test.cpp:20"));
  REQUIRE_THAT(tree, ContainsSubstring("inner at task_tree_test.cpp:16"));
  REQUIRE(loop.loop.task_tree().empty());
}
