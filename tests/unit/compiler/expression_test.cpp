// SPDX-License-Identifier: MIT
// Canaries: the expressions and statements with co_await in them that the library relies on.
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/unit/compiler/counted.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

Task<Counted> give(bool waits) {
  Counted result;
  co_await pass(waits);
  co_return result;
}

Task<std::tuple<Counted, std::unique_ptr<int>>> give_two(bool waits) {
  Counted first;
  auto second = std::make_unique<int>(2);
  co_await pass(waits);
  co_return std::tuple<Counted, std::unique_ptr<int>>(std::move(first), std::move(second));
}

Task<std::optional<Counted>> count_down(int& left, bool waits) {
  co_await pass(waits);
  if (left-- == 0) co_return std::nullopt;
  co_return Counted();
}

Task<Counted> fail(Counted argument, bool waits) {
  const Counted local = argument;
  co_await pass(waits);
  throw std::runtime_error(local.text());
}

}  // namespace

TEST_CASE("a structured binding takes an awaited result apart") {
  check([](bool waits) -> Task<void> {
    for (int i = 0; i < 3; ++i) {
      auto [first, second] = co_await give_two(waits);
      co_await pass(waits);
      REQUIRE(first.text().size() == kTextSize);
      REQUIRE(*second == 2);
      REQUIRE(alive == 1);
    }
  });
}

TEST_CASE("a while condition declares an awaited result") {
  check([](bool waits) -> Task<void> {
    int left = 5;
    int rounds = 0;
    while (auto item = co_await count_down(left, waits)) {
      REQUIRE(item->text().size() == kTextSize);
      REQUIRE(alive == 1);
      if (++rounds == 2) continue;
      if (rounds == 4) break;
    }
    REQUIRE(rounds == 4);
    REQUIRE(alive == 0);
  });
}

TEST_CASE("an awaited result is used within its expression") {
  check([](bool waits) -> Task<void> {
    const std::string copy = (co_await give(waits)).text();
    REQUIRE(copy.size() == kTextSize);
    std::vector<Counted> items;
    items.push_back(co_await give(waits));
    std::optional<Counted> one(co_await give(waits));
    one.emplace(co_await give(waits));
    REQUIRE(alive == 2);
    if ((co_await give(waits)).text().empty()) FAIL("the result was lost");
    REQUIRE(alive == 2);
  });
}

TEST_CASE("the right side of && and || is awaited only when it decides, in if and initialisers") {
  check([](bool waits) -> Task<void> {
    int calls = 0;
    const auto yes = [&]() -> Task<bool> {
      ++calls;
      co_await pass(waits);
      co_return true;
    };
    const bool no = calls > 0;
    if (no && co_await yes()) FAIL("a false left side does not matter");
    const bool either = !no || co_await yes();
    const bool both = no && co_await yes();
    REQUIRE(either);
    REQUIRE_FALSE(both);
    REQUIRE(calls == 0);
  });
}

TEST_CASE("an exception from an awaited task destroys everything once") {
  check([](bool waits) -> Task<void> {
    int caught = 0;
    for (int i = 0; i < 3; ++i) {
      const Counted local;
      try {
        const Counted result = co_await fail(local, waits);
        FAIL("nothing was thrown");
      } catch (const std::runtime_error& error) {
        if (std::string(error.what()).size() == kTextSize) ++caught;
      }
      REQUIRE(alive == 1);
    }
    REQUIRE(caught == 3);
  });
}

TEST_CASE("an exception passes through several coroutines and their locals") {
  check([](bool waits) -> Task<void> {
    const auto nest = [](auto& self, int depth, bool wait) -> Task<Counted> {
      const Counted local;
      if (depth == 0) co_return co_await fail(Counted(), wait);
      co_return co_await self(self, depth - 1, wait);
    };
    bool caught = false;
    try {
      co_await nest(nest, 20, waits);
    } catch (const std::runtime_error&) {
      caught = true;
    }
    REQUIRE(caught);
    REQUIRE(alive == 0);
  });
}

TEST_CASE("awaiting inside loops, branches and try blocks keeps every local in place") {
  check([](bool waits) -> Task<void> {
    std::string seen;
    for (const std::string& word : {std::string("one"), std::string("two")}) {
      const Counted local(word);
      switch (word.size()) {
        case 3: {
          const Counted inner(word);
          co_await pass(waits);
          seen += inner.text();
          break;
        }
        default:
          break;
      }
      try {
        co_await pass(waits);
        seen += local.text();
      } catch (...) {
        FAIL("nothing throws here");
      }
    }
    REQUIRE(seen == "oneonetwotwo");
  });
}
