// SPDX-License-Identifier: MIT
// run_bounded: posix_spawn and one pipe; the child does not outlive the call.
#include "qemu/run_bounded.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include <fmt/format.h>

#include <vmfleet/base/unique_fd.hpp>
#include <vmfleet/base/units.hpp>

extern char** environ;

namespace vmfleet::qemu {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kMostOutput = 1024 * 1024;

struct Pipe {
  bool open() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return false;
    read_end = UniqueFd(ends[0]);
    write_end = UniqueFd(ends[1]);
    return true;
  }

  UniqueFd read_end;
  UniqueFd write_end;
};

class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      wait();
    }
  }

  int wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_;
};

/// 0, or the errno of the spawn.
int spawn_between(int in_fd, const std::vector<std::string>& argv, int out_fd, pid_t& pid) {
  std::vector<char*> words;
  for (const auto& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in_fd, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, out_fd, STDERR_FILENO);
  // The caller may have blocked signals or ignored SIGPIPE; the child starts afresh.
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  const int failed = ::posix_spawn(&pid, words[0], &actions, &attributes, words.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  return failed;
}

/// Reads until the end; false when the deadline came first.
bool read_all(int fd, Clock::time_point deadline, std::string& text) {
  char buffer[4096];
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd ready{fd, POLLIN, 0};
    if (::poll(&ready, 1, static_cast<int>(left)) <= 0) continue;
    const ssize_t count = ::read(fd, buffer, sizeof buffer);
    if (count == 0) return true;
    if (count > 0 && text.size() < kMostOutput) {
      text.append(buffer, static_cast<std::size_t>(count));
    }
  }
}

}  // namespace

Result<CommandOutput> run_bounded(const std::vector<std::string>& argv,
                                  std::chrono::milliseconds timeout, std::string_view input) {
  Pipe to_child;
  Pipe from_child;
  if (!to_child.open() || !from_child.open()) return errno_error("make a pipe", errno);
  // A pipe holds that much before anybody reads it.
  if (::write(to_child.write_end.get(), input.data(), input.size()) < 0) {
    return errno_error("write to a pipe", errno);
  }
  pid_t pid = -1;
  const int failed = spawn_between(to_child.read_end.get(), argv, from_child.write_end.get(), pid);
  if (failed != 0) {
    return errno_error(ErrorKind::host_unfit, fmt::format("execute {}", argv[0]), failed);
  }
  Child child(pid);
  to_child.write_end.reset();
  from_child.write_end.reset();
  CommandOutput output;
  if (!read_all(from_child.read_end.get(), Clock::now() + timeout, output.text)) {
    return Error(ErrorKind::timed_out,
                 fmt::format("{} did not answer within {}", argv[0],
                             to_string(std::chrono::duration_cast<Milliseconds>(timeout))));
  }
  output.status = child.wait();
  return output;
}

}  // namespace vmfleet::qemu
