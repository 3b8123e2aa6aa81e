// SPDX-License-Identifier: MIT
// Canaries: the ways in which arguments reach a coroutine that the library relies on.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/compiler/counted.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

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
