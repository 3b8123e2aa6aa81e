// SPDX-License-Identifier: MIT
// A loop whose time jumps, and small tasks that many tests need.
#pragma once

#include <chrono>

#include <vmfleet/async/loop.hpp>
#include <vmfleet/async/time.hpp>

namespace vmfleet::test {

using namespace std::chrono_literals;

class FakeLoop {
 public:
  FakeLoop() : loop(clock) {}
  template <class T>
  T run(Task<T> task) {
    return loop.run(std::move(task));
  }

  FakeClock clock;
  Loop loop;
};

/// Lets everything that is ready run, `count` times.
inline Task<void> turns(int count) {
  for (int i = 0; i < count; ++i) co_await yield_now();
}

/// Counts its living instances.
class Counted {
 public:
  explicit Counted(int& alive) : alive_(&alive) { ++*alive_; }
  Counted(const Counted& other) : alive_(other.alive_) { ++*alive_; }
  Counted(Counted&& other) noexcept : alive_(other.alive_) { ++*alive_; }
  Counted& operator=(const Counted&) = default;
  ~Counted() { --*alive_; }

 private:
  int* alive_;
};

}  // namespace vmfleet::test
