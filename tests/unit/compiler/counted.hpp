// SPDX-License-Identifier: MIT
// Counted instances, because compilers have destroyed objects in coroutines twice, never, or at the
// wrong address.
#pragma once

#include <cstdlib>
#include <string>
#include <utility>

#include <vmfleet/async/loop.hpp>
#include <vmfleet/async/time.hpp>

#include "tests/support/catch.hpp"

namespace vmfleet::test {

inline int alive = 0;

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

// Every shape is tried with a task that ends at once and with one that really waits.
inline Task<void> pass(bool waits) {
  if (waits) co_await yield_now();
}

inline constexpr std::size_t kTextSize = 44;

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

}  // namespace vmfleet::test
