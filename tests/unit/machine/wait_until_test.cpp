// SPDX-License-Identifier: MIT
// Waiting for the turns in a machine's life, and not for what cannot come any more.
#include <chrono>
#include <optional>

#include <vmfleet/async/event.hpp>
#include <vmfleet/async/when.hpp>
#include <vmfleet/instance/locks.hpp>
#include <vmfleet/machine/machine.hpp>
#include <vmfleet/testkit/async_test.hpp>

#include "machine/state_record.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

using namespace vmfleet;
using vmfleet::test::TempDir;

namespace {

struct Place {
  Place() : directory(InstanceDirectory::create(temp.path(), "demo", "vm-0")) {}

  void record(MachineState state) const {
    StateRecord record;
    record.state = state;
    write_state(directory, record);
  }

  TempDir temp;
  InstanceDirectory directory;
};

/// Somebody who waits for the start, while `start` brings it about.
template <class Start>
void wait_beside(const Place& place, Start start) {
  Event started;
  auto wait = [&]() -> Task<void> {
    co_await wait_until_started(place.directory.path());
    started.set();
  };
  testkit::run_async(when_all(wait(), start(started)));
  REQUIRE(started.is_set());
}

}  // namespace

TEST_CASE("a start has come to its end when the record says so") {
  const Place place;
  place.record(MachineState::starting);
  const UniqueFd alive = lock_alive(place.directory);
  const auto lock = OperationLock::acquire(place.directory);
  auto start = [&](Event& started) -> Task<void> {
    co_await yield_now();
    REQUIRE_FALSE(started.is_set());
    place.record(MachineState::booting);
  };
  wait_beside(place, start);
}

TEST_CASE("a start after a crash is waited for too") {
  const Place place;
  place.record(MachineState::ready);
  const auto lock = OperationLock::acquire(place.directory);
  auto start = [&](Event& started) -> Task<void> {
    co_await yield_now();
    REQUIRE_FALSE(started.is_set());
    const UniqueFd alive = lock_alive(place.directory);
    place.record(MachineState::booting);
    co_await started.wait();
  };
  wait_beside(place, start);
}

TEST_CASE("a start whose command is gone is not waited for") {
  const Place place;
  place.record(MachineState::starting);
  const UniqueFd alive = lock_alive(place.directory);
  testkit::run_async(wait_until_started(place.directory.path()));
}

TEST_CASE("a machine has not ended as long as something keeps it alive") {
  const Place place;
  place.record(MachineState::ready);
  // As a QEMU that is just ending: nobody can be found who holds it.
  std::optional<UniqueFd> alive(lock_alive(place.directory));
  Event ended;
  auto wait = [&]() -> Task<void> {
    co_await wait_until_ended(place.directory.path());
    ended.set();
  };
  auto end = [&]() -> Task<void> {
    co_await sleep_for(std::chrono::minutes(10));
    REQUIRE_FALSE(ended.is_set());
    alive.reset();
  };
  testkit::run_in_fake_time(when_all(wait(), end()));
  REQUIRE(ended.is_set());
}

TEST_CASE("a start whose command ends without a word is not waited for any longer") {
  const Place place;
  place.record(MachineState::starting);
  std::optional<OperationLock> lock;
  lock.emplace(OperationLock::acquire(place.directory));
  auto end = [&]() -> Task<void> {
    co_await yield_now();
    lock.reset();
  };
  testkit::run_async(when_all(wait_until_ended(place.directory.path()), end()));
}

TEST_CASE("a machine that is not there has ended, and cannot be waited for to start") {
  const TempDir temp;
  testkit::run_async(wait_until_ended(temp / "nobody"));
  REQUIRE_THROWS_AS(testkit::run_async(wait_until_started(temp / "nobody")), Error);
}
