// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <vmfleet/async/task_group.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/io/process.hpp>

#include "tests/support/refuse.hpp"
#include "tests/unit/io/small_files.hpp"

using namespace vmfleet;
using namespace vmfleet::test;
using namespace std::chrono_literals;

namespace {

ProcessOptions shell(const std::string& script) {
  return ProcessOptions({"/bin/sh", "-c", script});
}

std::string output_of(Loop& loop, ProcessOptions options) {
  const auto output = loop.run(with_timeout(60s, run_process(std::move(options))));
  INFO(output.err);
  REQUIRE(output.status.success());
  return output.out;
}

Error error_of(const ProcessOptions& options) {
  Loop loop;
  try {
    const auto process = Process::spawn(loop, options);
  } catch (const Error& error) {
    return error;
  }
  FAIL("it started");
  return Error(ErrorKind::internal, "");
}

/// Puts `text` in a file that is open under the number `fd`, which must be free.
void open_as(int fd, const TempDir& folder, const std::string& text, int flags) {
  append(folder / text, text);
  const UniqueFd file(::open((folder / text).c_str(), O_RDONLY | O_CLOEXEC));
  REQUIRE(::fcntl(fd, F_GETFD) == -1);
  REQUIRE(::dup3(file.get(), fd, flags) == fd);
}

}  // namespace

TEST_CASE("a child's descriptors are arranged in every permutation of ours") {
  Loop loop;
  const TempDir folder;
  constexpr int kFirst = 20;
  const std::vector<std::string> texts = {"a", "b", "c", "d"};
  for (int i = 0; i < 4; ++i) {
    open_as(kFirst + i, folder, texts[static_cast<std::size_t>(i)], O_CLOEXEC);
  }
  std::vector<int> order = {0, 1, 2, 3};
  do {
    ProcessOptions options({"cat"});
    std::string expected;
    for (int i = 0; i < 4; ++i) {
      const int source = order[static_cast<std::size_t>(i)];
      options.argv.push_back("/proc/self/fd/" + std::to_string(kFirst + i));
      options.descriptors.emplace_back(kFirst + i, kFirst + source);
      expected += texts[static_cast<std::size_t>(source)];
    }
    REQUIRE(output_of(loop, std::move(options)) == expected);
  } while (std::next_permutation(order.begin(), order.end()));
  for (int i = 0; i < 4; ++i) ::close(kFirst + i);
}

TEST_CASE("one descriptor of ours may be several of the child's, its input too") {
  Loop loop;
  const TempDir folder;
  append(folder / "text", "x");
  const UniqueFd file(::open((folder / "text").c_str(), O_RDONLY | O_CLOEXEC));
  ProcessOptions options({"cat", "-", "/proc/self/fd/7", "/proc/self/fd/9"});
  for (const int target : {0, 7, 9}) options.descriptors.emplace_back(target, file.get());
  REQUIRE(output_of(loop, std::move(options)) == "xxx");
}

TEST_CASE("the child has its standard streams, what it was given, and its lifeline: no more") {
  Loop loop;
  const TempDir folder;
  open_as(40, folder, "inheritable", 0);
  REQUIRE(output_of(loop, shell("ls /proc/$$/fd; true")) == "0\n1\n2\n3\n");
  auto options = shell("ls /proc/$$/fd; true");
  options.descriptors.emplace_back(5, 40);
  options.descriptors.emplace_back(3, 40);
  options.descriptors.emplace_back(4, 40);
  REQUIRE(output_of(loop, std::move(options)) == "0\n1\n2\n3\n4\n5\n6\n");
  ::close(40);
}

TEST_CASE("a child that runs on has no lifeline") {
  Loop loop;
  const TempDir folder;
  const UniqueFd out(::open((folder / "out").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  auto options = shell("ls /proc/$$/fd; true");
  options.descriptors.emplace_back(1, out.get());
  auto process = Process::spawn(loop, options);
  REQUIRE(loop.run(process.wait()).success());
  REQUIRE(content_of(folder / "out") == "0\n1\n2\n");
}

TEST_CASE("standard streams that are not given are /dev/null") {
  Loop loop;
  const TempDir folder;
  const UniqueFd out(::open((folder / "out").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  auto options =
      shell("for i in 0 1 2; do [ /proc/$$/fd/$i -ef /dev/null ] || exit 1; done; echo good >&4");
  options.descriptors.emplace_back(4, out.get());
  auto process = Process::spawn(loop, options);
  REQUIRE(loop.run(process.wait()).success());
  REQUIRE(content_of(folder / "out") == "good\n");
}

TEST_CASE("a child starts with no signal blocked or ignored, whatever we do with ours") {
  Loop loop;
  sigset_t some;
  sigset_t before;
  ::sigemptyset(&some);
  ::sigaddset(&some, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &some, &before);
  const auto old = ::signal(SIGPIPE, SIG_IGN);
  const auto seen =
      output_of(loop, ProcessOptions({"grep", "-E", "SigBlk|SigIgn", "/proc/self/status"}));
  ::signal(SIGPIPE, old);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  REQUIRE(seen == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST_CASE("our own signal mask is as before after a spawn that worked and one that did not") {
  Loop loop;
  sigset_t before;
  sigset_t after;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &before);
  output_of(loop, ProcessOptions({"true"}));
  error_of(ProcessOptions({"/no/such/program"}));
  ::pthread_sigmask(SIG_SETMASK, nullptr, &after);
  for (int number = 1; number < NSIG; ++number) {
    REQUIRE(::sigismember(&before, number) == ::sigismember(&after, number));
  }
}

TEST_CASE("a child may have a session of its own") {
  Loop loop;
  const char* script = "set -- $(cat /proc/$$/stat); [ \"$6\" = $$ ] && echo own || echo ours";
  auto own = shell(script);
  own.new_session = true;
  REQUIRE(output_of(loop, own) == "own\n");
  REQUIRE(output_of(loop, shell(script)) == "ours\n");
}

TEST_CASE("a child gets the environment and the folder that it was given") {
  Loop loop;
  const TempDir folder;
  ProcessOptions options({"/bin/sh", "-c", "pwd; echo $A; env | wc -l"});
  options.directory = folder.path();
  options.environment = std::vector<std::string>{"A=b c", "PWD=" + folder.path().string()};
  REQUIRE(output_of(loop, options) == folder.path().string() + "\nb c\n2\n");
  ::setenv("VMFLEET_TEST_INHERITED", "yes", 1);
  REQUIRE(output_of(loop, shell("echo $VMFLEET_TEST_INHERITED")) == "yes\n");
  ::unsetenv("VMFLEET_TEST_INHERITED");
}

TEST_CASE("arguments arrive as they are, the empty one too") {
  Loop loop;
  ProcessOptions options({"printf", "[%s]", "", "a b", "$HOME", "*", "\n"});
  REQUIRE(output_of(loop, options) == "[][a b][$HOME][*][\n]");
}

TEST_CASE("a program that cannot run is an error with the system's reason") {
  const TempDir folder;
  append(folder / "text", "no program");
  std::filesystem::permissions(folder / "text", std::filesystem::perms::owner_all);
  const auto none = error_of(ProcessOptions({"no-such-program-anywhere"}));
  REQUIRE(none.kind() == ErrorKind::not_found);
  REQUIRE_THAT(none.what(), ContainsSubstring("no-such-program-anywhere"));
  const auto missing = error_of(ProcessOptions({"/no/such/program"}));
  REQUIRE(missing.kind() == ErrorKind::not_found);
  REQUIRE(missing.code().value() == ENOENT);
  REQUIRE(error_of(ProcessOptions({folder.path().string()})).code().value() == EACCES);
  REQUIRE(error_of(ProcessOptions({(folder / "text").string()})).code().value() == ENOEXEC);
}

TEST_CASE("spawns that fail leave no descriptor and no process behind") {
  error_of(ProcessOptions({"/no/such/program"}));
  const auto before = open_descriptors();
  for (int i = 0; i < 50; ++i) {
    ProcessOptions options({"/no/such/program"});
    options.dies_with_owner = i % 2 == 0;
    error_of(options);
  }
  REQUIRE(open_descriptors() == before);
  REQUIRE(::waitpid(-1, nullptr, WNOHANG) == -1);
}

TEST_CASE("a descriptor that is not open is an error") {
  ProcessOptions options({"true"});
  options.descriptors.emplace_back(5, 900);
  REQUIRE(error_of(options).code().value() == EBADF);
}

TEST_CASE("many threads spawn at once, and every child is its own") {
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      Loop loop;
      for (int i = 0; i < 10; ++i) {
        const auto text = std::to_string(t) + "." + std::to_string(i);
        const auto output = loop.run(run_process(ProcessOptions({"echo", text})));
        if (output.out == text + "\n") ++good;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  REQUIRE(good == 40);
}

TEST_CASE("what lies between the given descriptors is not inherited either") {
  Loop loop;
  const TempDir folder;
  open_as(25, folder, "in a gap", 0);
  open_as(40, folder, "above", 0);
  auto options = shell("ls /proc/$$/fd; true");
  options.descriptors.emplace_back(30, 40);
  REQUIRE(output_of(loop, std::move(options)) == "0\n1\n2\n30\n31\n");
  ::close(25);
  ::close(40);
}

TEST_CASE("nothing more is inherited where the kernel lacks close_range") {
  const TempDir folder;
  open_as(40, folder, "inheritable", 0);
  REQUIRE(holds_without(SYS_close_range, ENOSYS, [] {
    Loop loop;
    const auto output = loop.run(run_process(shell("ls /proc/$$/fd; true")));
    return output.out == "0\n1\n2\n3\n";
  }));
  ::close(40);
}

TEST_CASE("a folder that is missing is named, not the program") {
  ProcessOptions options({"/bin/true"});
  options.directory = "/no/such/folder";
  const auto error = error_of(options);
  REQUIRE(error.kind() == ErrorKind::not_found);
  REQUIRE_THAT(error.message(), ContainsSubstring("/no/such/folder"));
}

TEST_CASE("a folder of the program's name in PATH is passed over") {
  Loop loop;
  const TempDir folder;
  std::filesystem::create_directory(folder / "true");
  const std::string path = ::getenv("PATH");
  ::setenv("PATH", (folder.path().string() + ":" + path).c_str(), 1);
  const auto output = loop.run(run_process(ProcessOptions({"true"})));
  ::setenv("PATH", path.c_str(), 1);
  REQUIRE(output.status.success());
}

TEST_CASE("a user's limit of processes is a missing resource, not a conflict") {
  if (::geteuid() != 0) return;  // the limit does not hold for root, so a user must be found
  const pid_t tester = ::fork();
  if (tester == 0) {
    const rlimit none{0, 0};
    if (::setrlimit(RLIMIT_NPROC, &none) != 0 || ::setuid(65534) != 0) ::_exit(2);
    try {
      Loop loop;
      const auto process = Process::spawn(loop, ProcessOptions({"/bin/true"}));
    } catch (const Error& error) {
      ::_exit(error.kind() == ErrorKind::unavailable ? 0 : 1);
    }
    ::_exit(3);
  }
  int status = 0;
  REQUIRE(::waitpid(tester, &status, 0) == tester);
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) == 0);
}

TEST_CASE("what a child makes is closed to others when that is asked for") {
  Loop loop;
  const TempDir folder;
  for (const bool closed : {false, true}) {
    ProcessOptions options({"sh", "-c", closed ? "umask >closed" : "umask >open"});
    options.directory = folder.path();
    options.private_files = closed;
    const mode_t before = ::umask(0);
    Process child = Process::spawn(loop, options);
    ::umask(before);
    REQUIRE(loop.run(child.wait()).success());
  }
  REQUIRE(content_of(folder / "open") == "0000\n");
  REQUIRE(content_of(folder / "closed") == "0077\n");
}

TEST_CASE("a child has small pages when that is asked for, and we keep ours") {
  Loop loop;
  const TempDir folder;
  const auto of_us = [] { return ::prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0); };
  const int before = of_us();
  for (const bool small : {true, false}) {
    ProcessOptions options(
        {"sh", "-c", small ? "cat /proc/self/status >small" : "cat /proc/self/status >usual"});
    options.directory = folder.path();
    options.small_pages = small;
    Process child = Process::spawn(loop, options);
    REQUIRE(loop.run(child.wait()).success());
    REQUIRE(of_us() == before);
  }
  CHECK_THAT(content_of(folder / "small"), ContainsSubstring("THP_enabled:\t0"));
  const std::string usual = before == 0 ? "THP_enabled:\t1" : "THP_enabled:\t0";
  CHECK_THAT(content_of(folder / "usual"), ContainsSubstring(usual));
}
