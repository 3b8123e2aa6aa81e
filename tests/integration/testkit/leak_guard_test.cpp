// SPDX-License-Identifier: MIT
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <vmfleet/testkit/catch2.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/process_leak_guard.hpp"
#include "tests/support/supervise.hpp"
#include "tests/support/temp_dir.hpp"

using namespace vmfleet;
using namespace vmfleet::test;
using namespace std::chrono_literals;

TEST_CASE("a process that outlives its test is found, named and ended") {
  ProcessLeakGuard guard;
  const pid_t child = ::fork();
  if (child == 0) {
    ::execlp("sleep", "sleep", "1000", nullptr);
    ::_exit(127);
  }
  const std::string left = guard.leaked(50ms);
  REQUIRE_THAT(left, ContainsSubstring(std::to_string(child)));
  REQUIRE(guard.leaked(0ms).empty());
}

TEST_CASE("a process that left its parent is found too") {
  ProcessLeakGuard guard;
  const pid_t parent = ::fork();
  if (parent == 0) {
    if (::fork() == 0) ::execlp("sleep", "sleep", "1000", nullptr);
    ::_exit(0);
  }
  REQUIRE_FALSE(guard.leaked(200ms).empty());
}

TEST_CASE("a process that was there before is not counted") {
  const pid_t child = ::fork();
  if (child == 0) {
    ::execlp("sleep", "sleep", "1000", nullptr);
    ::_exit(127);
  }
  {
    ProcessLeakGuard guard;
    REQUIRE(guard.leaked(0ms).empty());
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

// Run by the next test only, in a process of its own.
TEST_CASE("a crash with a detached process behind it", "[.]") {
  if (::fork() == 0) {
    ::setsid();
    std::ofstream(::getenv("VMFLEET_LEFT_PID")) << ::getpid();
    ::execlp("sleep", "sleep", "1000", nullptr);
    ::_exit(127);
  }
  while (std::filesystem::file_size(::getenv("VMFLEET_LEFT_PID")) == 0) ::sched_yield();
  ::raise(SIGSEGV);
}

TEST_CASE("a process that a crashed test leaves behind is ended") {
  const TempDir folder;
  const auto file = folder / "pid";
  std::ofstream(file).flush();
  const pid_t runner = ::fork();
  if (runner == 0) {
    ::setenv("VMFLEET_LEFT_PID", file.c_str(), 1);
    ::execl("/proc/self/exe", "tests", "a crash with a detached process behind it", nullptr);
    ::_exit(127);
  }
  int status = 0;
  REQUIRE(::waitpid(runner, &status, 0) == runner);
  REQUIRE(status != 0);
  pid_t left = 0;
  std::ifstream(file) >> left;
  REQUIRE(left > 0);
  REQUIRE(::kill(left, 0) == -1);
  REQUIRE(errno == ESRCH);
}

namespace {

/// *Source*: proc(5).
bool is_stopped(pid_t pid) {
  std::string text;
  std::getline(std::ifstream("/proc/" + std::to_string(pid) + "/stat"), text);
  return text.find(") T ") != std::string::npos;
}

/// Never ends by itself, and leaves a process that only SIGKILL ends.
int be_interrupted(const std::filesystem::path& file) {
  ::signal(SIGTERM, SIG_DFL);
  if (::fork() == 0) {
    ::setsid();
    std::ofstream(file) << ::getpid() << std::flush;
    ::raise(SIGSTOP);
    ::_exit(0);
  }
  for (;;) ::pause();
}

}  // namespace

TEST_CASE("tests that are interrupted leave no process, and wait for none") {
  const TempDir folder;
  const auto file = folder / "pid";
  std::ofstream(file).flush();
  const pid_t runner = ::fork();
  if (runner == 0) ::_exit(supervise([&] { return be_interrupted(file); }, 1h));
  pid_t left = 0;
  while (!(std::ifstream(file) >> left)) ::sched_yield();
  while (!is_stopped(left)) ::sched_yield();
  ::kill(runner, SIGTERM);
  int status = 0;
  REQUIRE(::waitpid(runner, &status, 0) == runner);
  CHECK(WEXITSTATUS(status) == 128 + SIGTERM);
  CHECK(::kill(left, 0) == -1);
  CHECK(errno == ESRCH);
}

TEST_CASE("a temporary folder is removed with what is in it, unless it was replaced") {
  std::filesystem::path kept;
  {
    const TempDir folder;
    kept = folder.path();
    std::filesystem::create_directories(folder / "a/b");
  }
  REQUIRE_FALSE(std::filesystem::exists(kept));
  {
    const TempDir folder;
    kept = folder.path();
    std::filesystem::rename(folder.path(), folder.path().string() + ".moved");
    std::filesystem::create_directory(kept);
  }
  REQUIRE(std::filesystem::exists(kept));
  std::filesystem::remove_all(kept);
  std::filesystem::remove_all(kept.string() + ".moved");
}
