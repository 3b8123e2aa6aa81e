// SPDX-License-Identifier: MIT
#include "qmp/peer.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>

#include "server.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using qmp::PeerState;
using qmp::PeerWatch;

namespace {

/// A child process that does `what` until it is killed with this object.
class Child {
 public:
  explicit Child(void (*what)()) : pid_(::fork()) {
    if (pid_ == 0) {
      for (;;) what();
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

void sleep_forever() {
  ::pause();
}
void spin() {
  static std::atomic<int> turns = 0;
  ++turns;
}

/// The state becomes visible some time after the cause.
PeerState settled(const PeerWatch& watch, PeerState expected) {
  PeerState state = PeerState::unknown;
  for (int i = 0; i < 10'000 && (state = watch.state(Milliseconds(60'000))) != expected; ++i) {
    ::usleep(1000);
  }
  return state;
}

std::optional<Error> wait_for_greeting(pid_t peer) {
  Loop loop;
  auto ends = qmp::test::socket_pair();
  qmp::ClientOptions options;
  options.greeting_timeout = Milliseconds(20);
  options.peer_pid = peer;
  auto run = [&]() -> Task<std::optional<Error>> {
    UnixSocket socket = UnixSocket::adopt(loop, std::move(ends.first));
    co_return co_await qmp::test::failure_of(qmp::Client::handshake(std::move(socket), options));
  };
  return loop.run(run());
}

}  // namespace

TEST_CASE("a waiting, a stopped, a busy and an ended process are told apart") {
  const Child idle(&sleep_forever);
  REQUIRE(settled(PeerWatch(idle.pid()), PeerState::idle) == PeerState::idle);
  ::kill(idle.pid(), SIGSTOP);
  REQUIRE(settled(PeerWatch(idle.pid()), PeerState::stopped) == PeerState::stopped);
  const Child busy(&spin);
  REQUIRE(settled(PeerWatch(busy.pid()), PeerState::busy) == PeerState::busy);
  const Child ended(+[] { ::_exit(0); });
  REQUIRE(settled(PeerWatch(ended.pid()), PeerState::gone) == PeerState::gone);
}

TEST_CASE("nothing is said of an unknown process or of our own") {
  REQUIRE(PeerWatch(std::nullopt).state(Milliseconds(1)) == PeerState::unknown);
  REQUIRE(PeerWatch(::getpid()).state(Milliseconds(1)) == PeerState::unknown);
  REQUIRE(PeerWatch(0).state(Milliseconds(1)) == PeerState::unknown);
}

TEST_CASE("a missing greeting says whether the peer is stopped, busy or silent") {
  const Child idle(&sleep_forever);
  settled(PeerWatch(idle.pid()), PeerState::idle);
  REQUIRE_THAT(wait_for_greeting(idle.pid())->what(), ContainsSubstring("another client"));

  ::kill(idle.pid(), SIGSTOP);
  settled(PeerWatch(idle.pid()), PeerState::stopped);
  const auto stopped = wait_for_greeting(idle.pid());
  REQUIRE_THAT(stopped->what(), ContainsSubstring("is stopped"));
  REQUIRE(stopped->hint() == "continue it: kill -CONT " + std::to_string(idle.pid()));

  const Child busy(&spin);
  settled(PeerWatch(busy.pid()), PeerState::busy);
  REQUIRE_THAT(wait_for_greeting(busy.pid())->what(), ContainsSubstring("is busy"));
}
