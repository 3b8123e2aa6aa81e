// SPDX-License-Identifier: MIT
// Canaries: the coroutine shapes that the library relies on, each with counted instances, because
// compilers have destroyed such objects twice, never, or at the wrong address.
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <vmfleet/async/event.hpp>
#include <vmfleet/async/loop.hpp>
#include <vmfleet/async/time.hpp>

#include "tests/support/catch.hpp"

using namespace vmfleet;

namespace {

int alive = 0;

/// Notices when it is copied byte by byte, destroyed twice or used after its end.
class Counted {
 public:
  explicit Counted(std::string text = "a text that does not fit into a small string")
      : self_(this), text_(std::move(text)) {
    ++alive;
  }
  Counted(const Counted& other) : self_(this), text_(other.text()) { ++alive; }
  Counted(Counted&& other) noexcept : self_(this), text_(std::move(other.text_)) { ++alive; }
  Counted& operator=(const Counted& other) {
    text_ = other.text();
    return *this;
  }
  ~Counted() {
    if (self_ != this) std::abort();
    self_ = nullptr;
    --alive;
  }
  [[nodiscard]] const std::string& text() const {
    if (self_ != this) std::abort();
    return text_;
  }

 private:
  Counted* self_;
  std::string text_;
};

struct Aggregate {
  Counted first;
  std::unique_ptr<int> second;
  std::vector<std::string> third;
};

class Options {
 public:
  Options() = default;
  Counted name;
  std::vector<int> numbers = {1, 2, 3};
};

class Builder {
 public:
  Builder() = default;
  Builder&& name(std::string name) && {
    name_ = Counted(std::move(name));
    return std::move(*this);
  }
  Builder&& add(std::string line) && {
    lines_.push_back(std::move(line));
    return std::move(*this);
  }
  [[nodiscard]] std::size_t size() const { return name_.text().size() + lines_.size(); }

 private:
  Counted name_;
  std::vector<std::string> lines_;
};

struct Trivial {
  int a = 0;
  double b = 0;
};

Aggregate make_aggregate() {
  Aggregate made;
  made.second = std::make_unique<int>(7);
  made.third = {"x", "y"};
  return made;
}

// Every shape is tried with a task that ends at once and with one that really waits.
Task<void> pass(bool waits) {
  if (waits) co_await yield_now();
}

Task<std::size_t> take_aggregate(Aggregate aggregate, bool waits) {
  co_await pass(waits);
  co_return aggregate.first.text().size() + aggregate.third.size();
}

Task<std::size_t> take_options(bool waits, Options options = Options()) {
  co_await pass(waits);
  co_return options.name.text().size() + options.numbers.size();
}

Task<std::size_t> take_braced_options(bool waits, Options options = {}) {
  co_await pass(waits);
  co_return options.name.text().size() + options.numbers.size();
}

Task<std::size_t> take_builder(Builder builder, bool waits) {
  co_await pass(waits);
  co_return builder.size();
}

Task<double> take_trivial(Trivial trivial, bool waits) {
  co_await pass(waits);
  co_return trivial.a + trivial.b;
}

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

constexpr std::size_t kTextSize = 44;

/// Runs `shape(waits)` both ways and checks that nothing is left.
template <class Shape>
void check(Shape shape) {
  for (const bool waits : {false, true}) {
    alive = 0;
    {
      Loop loop;
      loop.run(shape(waits));
    }
    INFO("waits: " << waits);
    REQUIRE(alive == 0);
  }
}

}  // namespace

TEST_CASE("a named aggregate is moved into an awaited call") {
  check([](bool waits) -> Task<void> {
    for (int i = 0; i < 3; ++i) {
      Aggregate named = make_aggregate();
      const std::size_t size = co_await take_aggregate(std::move(named), waits);
      REQUIRE(size == kTextSize + 2);
    }
    REQUIRE(alive == 0);
  });
}

TEST_CASE("an aggregate returned by a function is an awaited call's argument") {
  check([](bool waits) -> Task<void> {
    for (int i = 0; i < 3; ++i) {
      const std::size_t size = co_await take_aggregate(make_aggregate(), waits);
      REQUIRE(size == kTextSize + 2);
      REQUIRE(alive == 0);
    }
  });
}

TEST_CASE("a class with a declared constructor is a temporary or a default argument") {
  check([](bool waits) -> Task<void> {
    const std::size_t given = co_await take_options(waits, Options());
    const std::size_t defaulted = co_await take_options(waits);
    const std::size_t braced = co_await take_braced_options(waits);
    REQUIRE(given == kTextSize + 3);
    REQUIRE(defaulted == given);
    REQUIRE(braced == given);
    REQUIRE(alive == 0);
  });
}

TEST_CASE("a builder is passed by value") {
  check([](bool waits) -> Task<void> {
    const std::size_t size =
        co_await take_builder(Builder().name("n").add("one").add("two"), waits);
    REQUIRE(size == 3);
    REQUIRE(alive == 0);
  });
}

TEST_CASE("an aggregate that needs no destructor may be written in place") {
  check([](bool waits) -> Task<void> {
    const double sum = co_await take_trivial(Trivial{1, 2.5}, waits);
    REQUIRE(sum == 3.5);
  });
}

TEST_CASE("a lambda that captures by reference is awaited at once") {
  check([](bool waits) -> Task<void> {
    const Counted local;
    const std::size_t size = co_await [&]() -> Task<std::size_t> {
      const Counted inner = local;
      co_await pass(waits);
      co_return inner.text().size();
    }();
    REQUIRE(size == kTextSize);
    REQUIRE(alive == 1);
  });
}

TEST_CASE("a named lambda that captures by value outlives its task") {
  check([](bool waits) -> Task<void> {
    const Counted local;
    const auto named = [local, waits]() -> Task<std::size_t> {
      co_await pass(waits);
      co_return local.text().size();
    };
    const std::size_t size = co_await named();
    REQUIRE(size == kTextSize);
    REQUIRE(alive == 2);
  });
}

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

TEST_CASE("move-only arguments reach the frame and leave with it") {
  check([](bool waits) -> Task<void> {
    const auto take = [](std::unique_ptr<Counted> owned, bool wait) -> Task<std::size_t> {
      co_await pass(wait);
      co_return owned->text().size();
    };
    auto owned = std::make_unique<Counted>();
    const std::size_t named = co_await take(std::move(owned), waits);
    const std::size_t temporary = co_await take(std::make_unique<Counted>(), waits);
    REQUIRE(named == temporary);
    REQUIRE(alive == 0);
  });
}

TEST_CASE("virtual functions are coroutines, and so are their overriders") {
  struct Base {
    virtual ~Base() = default;
    virtual Task<std::size_t> measure(Counted counted, bool waits) {
      co_await pass(waits);
      co_return counted.text().size();
    }
  };
  struct Derived final : Base {
    Counted own;
    Task<std::size_t> measure(Counted counted, bool waits) override {
      const std::size_t inherited = co_await Base::measure(std::move(counted), waits);
      co_return inherited + own.text().size();
    }
  };
  check([](bool waits) -> Task<void> {
    const std::unique_ptr<Base> object = std::make_unique<Derived>();
    const std::size_t size = co_await object->measure(Counted(), waits);
    REQUIRE(size == 2 * kTextSize);
    REQUIRE(alive == 1);
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

TEST_CASE("parameters live until the frame ends, references until the awaiting expression does") {
  check([](bool waits) -> Task<void> {
    const auto by_reference = [](const Counted& counted, bool wait) -> Task<std::size_t> {
      co_await pass(wait);
      co_return counted.text().size();
    };
    const std::size_t size = co_await by_reference(Counted(), waits);
    REQUIRE(size == kTextSize);
    REQUIRE(alive == 0);
  });
}

TEST_CASE("a frame that never ran gives its parameters back") {
  alive = 0;
  { const auto task = take_builder(Builder().name("never awaited"), true); }
  REQUIRE(alive == 0);
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
