// SPDX-License-Identifier: MIT
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <optional>
#include <string>

#include <vmfleet/async/task_group.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/io/process.hpp>

#include "tests/unit/io/small_files.hpp"

using namespace vmfleet;
using namespace vmfleet::test;
using namespace std::chrono_literals;

namespace {

ProcessOptions shell(const std::string& script) {
  return ProcessOptions({"/bin/sh", "-c", script});
}

bool nothing_to_reap() {
  return ::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD;
}

}  // namespace

TEST_CASE("an exit code comes back") {
  Loop loop;
  for (const int code : {0, 1, 2, 127, 128, 255}) {
    const auto output = loop.run(run_process(shell("exit " + std::to_string(code))));
    REQUIRE(output.status.code == code);
    REQUIRE(output.status.signal == 0);
    REQUIRE(output.status.success() == (code == 0));
    REQUIRE(output.status.describe() == "exit code " + std::to_string(code));
  }
}

TEST_CASE("a signal that ended the process comes back") {
  Loop loop;
  for (const int number : {SIGKILL, SIGTERM, SIGSEGV}) {
    auto options = shell("ulimit -c 0; kill -" + std::to_string(number) + " $$");
    const auto output = loop.run(run_process(std::move(options)));
    REQUIRE(output.status.signal == number);
    REQUIRE_FALSE(output.status.success());
  }
  REQUIRE(ExitStatus{0, SIGKILL}.describe() == "signal 9 (Killed)");
}

TEST_CASE("both streams are collected, each up to the limit, and the writer is not stopped") {
  Loop loop;
  const auto output = loop.run(run_process(
      shell("head -c 300000 /dev/zero | tr '\\0' o; head -c 300000 /dev/zero | tr '\\0' e >&2"),
      Bytes(1000)));
  REQUIRE(output.status.success());
  REQUIRE(output.out == std::string(1000, 'o'));
  REQUIRE(output.err == std::string(1000, 'e'));
  REQUIRE(output.truncated);
  const auto exact = loop.run(run_process(shell("printf 12345"), Bytes(5)));
  REQUIRE(exact.out == "12345");
  REQUIRE_FALSE(exact.truncated);
}

TEST_CASE("a command that says nothing has no output, and reads nothing") {
  Loop loop;
  const auto output = loop.run(run_process(shell("cat")));
  REQUIRE(output.out.empty());
  REQUIRE(output.err.empty());
  REQUIRE(output.status.success());
}

TEST_CASE("the end is given again to whoever asks later") {
  Loop loop;
  auto process = Process::spawn(loop, shell("exit 3"));
  REQUIRE(loop.run(process.wait()).code == 3);
  REQUIRE(loop.run(process.wait()).code == 3);
  REQUIRE(process.poll()->code == 3);
  REQUIRE_FALSE(process.signal(SIGTERM));
}

TEST_CASE("polling tells a running process from an ended one") {
  Loop loop;
  auto process = Process::spawn(loop, shell("exec sleep 1000"));
  REQUIRE_FALSE(process.poll().has_value());
  REQUIRE(process.signal(SIGTERM));
  loop.run(process.pidfd().wait_end());
  REQUIRE(process.poll()->signal == SIGTERM);
}

TEST_CASE("a wait for a process can be cancelled and repeated") {
  Loop loop;
  auto process = Process::spawn(loop, shell("exec sleep 1000"));
  REQUIRE_THROWS_AS(loop.run(with_timeout(2ms, process.wait())), Error);
  REQUIRE(process.signal(SIGKILL));
  REQUIRE(loop.run(process.wait()).signal == SIGKILL);
}

TEST_CASE("a child that does not die with its owner runs on") {
  Loop loop;
  std::optional<Pidfd> child;
  {
    auto process = Process::spawn(loop, shell("exec sleep 1000"));
    child = Pidfd::open(process.pid());
  }
  REQUIRE(child.has_value());
  REQUIRE_FALSE(child->ended());
  REQUIRE(child->signal(SIGKILL));
  REQUIRE(::waitpid(child->pid(), nullptr, 0) == child->pid());
}

TEST_CASE("a child that dies with its owner is gone when its Process is") {
  Loop loop;
  auto options = shell("exec sleep 1000");
  options.dies_with_owner = true;
  { const auto process = Process::spawn(loop, options); }
  REQUIRE(nothing_to_reap());
}

TEST_CASE("a hundred processes run beside each other and all are reaped") {
  Loop loop;
  int succeeded = 0;
  const auto before = open_descriptors();
  auto body = [&](TaskGroup& group) -> Task<void> {
    for (int i = 0; i < 100; ++i) {
      group.start([&, i]() -> Task<void> {
        const auto output = co_await run_process(shell("echo " + std::to_string(i)));
        if (output.out == std::to_string(i) + "\n") ++succeeded;
      });
    }
    co_return;
  };
  loop.run(with_task_group(body));
  REQUIRE(succeeded == 100);
  REQUIRE(nothing_to_reap());
  REQUIRE(open_descriptors() == before);
}

TEST_CASE("cancelling a command kills it and waits for its end") {
  Loop loop;
  const auto before = open_descriptors();
  REQUIRE_THROWS_AS(loop.run(with_timeout(5ms, run_process(shell("exec sleep 1000")))), Error);
  REQUIRE(nothing_to_reap());
  REQUIRE(open_descriptors() == before);
}

TEST_CASE("a command that closed its lifeline can be cancelled too") {
  Loop loop;
  REQUIRE_THROWS_AS(loop.run(with_timeout(100ms, run_process(shell("exec 3<&-; exec sleep 1000")))),
                    Error);
  REQUIRE(nothing_to_reap());
}

TEST_CASE("an exit status that somebody else has taken is an error, not a success") {
  Loop loop;
  auto process = Process::spawn(loop, shell("exit 3"));
  REQUIRE(::waitpid(process.pid(), nullptr, 0) == process.pid());
  REQUIRE_THROWS_WITH(loop.run(process.wait()), ContainsSubstring("status"));
}
