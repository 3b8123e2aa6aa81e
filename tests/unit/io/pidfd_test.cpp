// SPDX-License-Identifier: MIT
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <optional>

#include <vmfleet/async/task_group.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/io/pidfd.hpp>

#include "tests/support/catch.hpp"

using namespace vmfleet;
using namespace std::chrono_literals;

namespace {

/// A child that waits for a signal (one that the test framework does not handle); it is not
/// spawned by the library.
class Sleeper {
 public:
  Sleeper() : pid(::fork()) {
    if (pid == 0) {
      for (;;) ::pause();
    }
    REQUIRE(pid > 0);
  }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;
  ~Sleeper() {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
  pid_t pid;
};

}  // namespace

TEST_CASE("a process that does not exist has no pidfd") {
  pid_t gone = 0;
  {
    const Sleeper sleeper;
    gone = sleeper.pid;
  }
  REQUIRE_FALSE(Pidfd::open(gone).has_value());
  REQUIRE_FALSE(Pidfd::open(0).has_value());
  REQUIRE_FALSE(Pidfd::open(-1).has_value());
}

TEST_CASE("the end of a process is seen before anybody reaps it, and signals are refused after") {
  Loop loop;
  const Sleeper sleeper;
  const auto pidfd = Pidfd::open(sleeper.pid);
  REQUIRE(pidfd.has_value());
  REQUIRE(pidfd->pid() == sleeper.pid);
  REQUIRE_FALSE(pidfd->ended());
  REQUIRE(pidfd->signal(0));
  REQUIRE(pidfd->signal(SIGUSR1));
  loop.run(pidfd->wait_end());
  REQUIRE(pidfd->ended());
  loop.run(pidfd->wait_end());  // still ended
  REQUIRE(::waitpid(sleeper.pid, nullptr, 0) == sleeper.pid);
  REQUIRE(pidfd->ended());
  REQUIRE_FALSE(pidfd->signal(SIGUSR1));
}

TEST_CASE("waiting for the end can be cancelled") {
  Loop loop;
  const Sleeper sleeper;
  const auto pidfd = Pidfd::open(sleeper.pid);
  REQUIRE_THROWS_AS(loop.run(with_timeout(2ms, pidfd->wait_end())), Error);
  REQUIRE_FALSE(pidfd->ended());
}

TEST_CASE("several tasks may wait for the end of one process") {
  Loop loop;
  const Sleeper sleeper;
  const auto pidfd = Pidfd::open(sleeper.pid);
  int seen = 0;
  auto body = [&](TaskGroup& group) -> Task<void> {
    for (int i = 0; i < 3; ++i) {
      group.start([&]() -> Task<void> {
        co_await pidfd->wait_end();
        ++seen;
      });
    }
    co_await sleep_for(1ms);
    REQUIRE(pidfd->signal(SIGKILL));
  };
  loop.run(with_task_group(body));
  REQUIRE(seen == 3);
}
