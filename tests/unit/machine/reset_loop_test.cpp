// SPDX-License-Identifier: MIT
#include "machine/reset_loop.hpp"

#include <vmfleet/base/units.hpp>

#include "tests/support/catch.hpp"

using namespace vmfleet;

namespace {

constexpr std::uint64_t kPrinted = 100;

ResetLoop::Time at(int ms) {
  return ResetLoop::Time(Milliseconds(1'700'000'000'000 + ms));
}

}  // namespace

TEST_CASE("what the firmware makes of one press of the button is no loop") {
  ResetLoop loop;
  loop.pressed(at(0), kPrinted);
  int now = 0;
  // As seen on a host with more to do than processors, and longer.
  for (int i = 0; i < 40; ++i) {
    for (const int gap : {87, 23, 74, 11}) {
      now += gap;
      REQUIRE_FALSE(loop.by_guest(at(now), kPrinted));
    }
  }
  REQUIRE(loop.resets() == 160);
}

TEST_CASE("a guest that reboots on purpose, and whose firmware needs many resets, is no loop") {
  ResetLoop loop;
  for (int reboot = 0; reboot < 4; ++reboot) {
    for (int i = 0; i < 10; ++i) {
      REQUIRE_FALSE(loop.by_guest(at(20'000 * reboot + 100 * i), kPrinted * reboot));
    }
  }
}

TEST_CASE("a guest that prints and resets itself again and again is in a loop") {
  ResetLoop loop;
  for (int i = 1; i < 5; ++i) REQUIRE_FALSE(loop.by_guest(at(30 * i), kPrinted * i));
  REQUIRE(loop.by_guest(at(150), kPrinted * 5));
  REQUIRE(loop.resets() == 5);
}

TEST_CASE("a guest that resets itself again and again without a word is in a loop") {
  ResetLoop slow;
  for (int i = 1; i < 5; ++i) REQUIRE_FALSE(slow.by_guest(at(2'500 * i), 0));
  REQUIRE(slow.by_guest(at(2'500 * 5), 0));
  ResetLoop fast;
  int now = 0;
  while (!fast.by_guest(at(now), 0)) {
    now += 100;
    REQUIRE(now <= 10'000);
  }
}

TEST_CASE("of resets before somebody presses the button none counts") {
  ResetLoop loop;
  for (int i = 1; i < 5; ++i) REQUIRE_FALSE(loop.by_guest(at(30 * i), kPrinted * i));
  loop.pressed(at(150), kPrinted * 5);
  REQUIRE_FALSE(loop.by_guest(at(180), kPrinted * 5));
  REQUIRE(loop.resets() == 1);
}
