// SPDX-License-Identifier: MIT
// A child that dies with its owner, however that ends.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>

#include <vmfleet/async/time.hpp>
#include <vmfleet/io/process.hpp>

#include "tests/support/catch.hpp"

using namespace vmfleet;
using namespace std::chrono_literals;

namespace {

/// An owner in a process of its own, whose children are ours to reap once it is dead.
class Owner {
 public:
  Owner() {
    REQUIRE(::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    pid_ = ::fork();
    if (pid_ == 0) live(ends[1]);
    REQUIRE(pid_ > 0);  // kill(-1) would reach every process there is
    ::close(ends[1]);
    child_of_owner_ = UniqueFd(ends[0]);
  }
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;
  ~Owner() { ::prctl(PR_SET_CHILD_SUBREAPER, 0); }

  pid_t child() const {
    pid_t pid = 0;
    REQUIRE(::read(child_of_owner_.get(), &pid, sizeof pid) == sizeof pid);
    return pid;
  }
  void kill() const {
    REQUIRE(::kill(pid_, SIGKILL) == 0);
    REQUIRE(::waitpid(pid_, nullptr, 0) == pid_);
  }

 private:
  [[noreturn]] static void live(int report) {
    Loop loop;
    ProcessOptions options({"sleep", "1000"});
    options.dies_with_owner = true;
    const auto process = Process::spawn(loop, options);
    const pid_t pid = process.pid();
    if (::write(report, &pid, sizeof pid) != sizeof pid) ::_exit(1);
    for (;;) ::pause();
  }

  pid_t pid_ = -1;
  UniqueFd child_of_owner_;
};

/// Waits until this process, as subreaper, has no child left.
void reap_all_within(Milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  for (;;) {
    const pid_t reaped = ::waitpid(-1, nullptr, WNOHANG);
    if (reaped < 0) return;
    if (reaped == 0 && std::chrono::steady_clock::now() > end) FAIL("a child outlived its owner");
    if (reaped == 0) std::this_thread::sleep_for(1ms);
  }
}

}  // namespace

TEST_CASE("a hundred owners are killed, and each child with its owner") {
  Loop loop;
  for (int i = 0; i < 100; ++i) {
    const Owner owner;
    const auto child = Pidfd::open(owner.child());
    REQUIRE(child.has_value());
    REQUIRE_FALSE(child->ended());
    owner.kill();
    loop.run(with_timeout(20s, child->wait_end()));
    reap_all_within(20s);
  }
}

TEST_CASE("an owner that is killed at any moment of its spawn leaves nothing behind") {
  for (int i = 0; i < 100; ++i) {
    const Owner owner;
    const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(i * 25);
    while (std::chrono::steady_clock::now() < until) {
    }
    owner.kill();
    reap_all_within(20s);
  }
}

TEST_CASE("a child outlives the thread that spawned it, though it dies with its owner") {
  Loop loop;
  int to_child[2];
  int from_child[2];
  REQUIRE(::pipe2(to_child, O_CLOEXEC) == 0);
  REQUIRE(::pipe2(from_child, O_CLOEXEC) == 0);
  const UniqueFd input(to_child[1]);
  const UniqueFd output(from_child[0]);
  std::optional<Process> process;
  pid_t thread_id = 0;
  std::thread worker([&] {
    thread_id = ::gettid();
    ProcessOptions options({"cat"});
    options.dies_with_owner = true;
    options.descriptors.emplace_back(0, to_child[0]);
    options.descriptors.emplace_back(1, from_child[1]);
    process.emplace(Process::spawn(loop, options));
  });
  worker.join();
  ::close(to_child[0]);
  ::close(from_child[1]);
  // join() returns a little before the kernel has ended the thread.
  while (std::filesystem::exists("/proc/self/task/" + std::to_string(thread_id))) {
    std::this_thread::yield();
  }
  REQUIRE(::write(input.get(), "alive", 5) == 5);
  char buffer[8];
  REQUIRE(::read(output.get(), buffer, sizeof buffer) == 5);
  REQUIRE_FALSE(process->poll().has_value());
}
