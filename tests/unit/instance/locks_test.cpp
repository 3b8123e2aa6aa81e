// SPDX-License-Identifier: MIT
// The two locks of an instance directory.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <optional>

#include <vmfleet/async/when.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/instance/locks.hpp>
#include <vmfleet/testkit/async_test.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

using namespace vmfleet;
using vmfleet::test::TempDir;

TEST_CASE("only one command works on a machine, and the other learns whose lock it is") {
  const TempDir temp;
  const auto directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
  REQUIRE_FALSE(OperationLock::held(directory));
  {
    const auto lock = OperationLock::acquire(directory);
    REQUIRE(OperationLock::held(directory));
    try {
      OperationLock::acquire(directory);
      FAIL("it was locked twice");
    } catch (const Error& error) {
      REQUIRE(error.kind() == ErrorKind::conflict);
      REQUIRE(error.evidence().front() ==
              "the lock is held by process " + std::to_string(::getpid()));
    }
  }
  REQUIRE_FALSE(OperationLock::held(directory));
  REQUIRE_NOTHROW(OperationLock::acquire(directory));
}

TEST_CASE("a lock is waited for without holding up the loop, and not for ever") {
  const TempDir temp;
  const auto directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
  std::optional<OperationLock> held;
  held.emplace(OperationLock::acquire(directory));
  auto obtain = [&]() -> Task<void> {
    co_await OperationLock::obtain(directory, Milliseconds(1'000));
  };
  REQUIRE_THROWS_AS(testkit::run_in_fake_time(obtain()), Error);
  auto release = [&]() -> Task<void> {
    co_await sleep_for(Milliseconds(500));
    held.reset();
  };
  REQUIRE_NOTHROW(testkit::run_in_fake_time(when_all(obtain(), release())));
}

TEST_CASE("a lock on a directory that was removed meanwhile is refused") {
  const TempDir temp;
  const auto stale = InstanceDirectory::create(temp.path(), "demo", "vm-0");
  {
    const auto lock = OperationLock::acquire(stale);
    stale.remove({});
  }
  REQUIRE_THROWS_AS(OperationLock::acquire(stale), Error);
}

TEST_CASE("the alive lock lasts exactly as long as the last process that inherited it") {
  const TempDir temp;
  const auto directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
  REQUIRE_FALSE(is_alive(directory));
  int gate[2];
  REQUIRE(::pipe(gate) == 0);
  pid_t child = 0;
  {
    const UniqueFd lock = lock_alive(directory);
    child = ::fork();
    if (child == 0) {
      char byte = 0;
      ::close(gate[1]);
      static_cast<void>(!::read(gate[0], &byte, 1));  // until the parent closes its end
      ::_exit(0);
    }
  }
  REQUIRE(is_alive(directory));
  REQUIRE_THROWS_AS(lock_alive(directory), Error);
  ::close(gate[1]);
  ::waitpid(child, nullptr, 0);
  ::close(gate[0]);
  REQUIRE_FALSE(is_alive(directory));
  REQUIRE_NOTHROW(lock_alive(directory));
}

TEST_CASE("who cannot look does not take a machine for dead") {
  const TempDir temp;
  const auto directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
  const UniqueFd lock = lock_alive(directory);
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_NOFILE, &none);
    int refused = 0;
    for (const auto look : {&is_alive, &OperationLock::held}) {
      try {
        look(directory);
      } catch (const Error&) {
        ++refused;
      }
    }
    ::_exit(refused == 2 ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) == 0);
}

TEST_CASE("what stands in the place of a lock is named, and what to do with it") {
  const TempDir temp;
  const auto directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
  for (const char* name : {instance_file::kLock, instance_file::kAlive}) {
    std::filesystem::create_symlink("elsewhere", directory.file(name));
  }
  const auto acquire = [&] { OperationLock::acquire(directory); };
  const auto look = [&] { is_alive(directory); };
  for (const std::function<void()>& use : {std::function<void()>(acquire), {look}}) {
    try {
      use();
      FAIL("a link was taken for it");
    } catch (const Error& error) {
      REQUIRE(error.kind() == ErrorKind::conflict);
      REQUIRE_THAT(error.hint(), ContainsSubstring("move it away"));
    }
  }
}

TEST_CASE("many who look do not keep out the one who locks") {
  const TempDir temp;
  const auto directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
  const pid_t looker = ::fork();
  if (looker == 0) {
    for (;;) is_alive(directory);
  }
  for (int i = 0; i < 200; ++i) {
    const UniqueFd lock = lock_alive(directory);
    REQUIRE(lock);
  }
  ::kill(looker, SIGKILL);
  ::waitpid(looker, nullptr, 0);
}
