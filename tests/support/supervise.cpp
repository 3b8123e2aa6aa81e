// SPDX-License-Identifier: MIT
// A parent that outlives the tests and adopts their orphans.
#include "tests/support/supervise.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/support/process_leak_guard.hpp"

namespace vmfleet::test {

namespace {

struct Ended {
  int status = 0;
  bool told_to = false;  ///< by a signal to this process
};

/// Of `child`, which gets the signals that this process gets meanwhile.
Ended wait_for(pid_t child, const sigset_t& signals) {
  Ended ended;
  for (;;) {
    int status = 0;
    if (::waitpid(child, &status, WNOHANG) == child) {
      ended.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
      return ended;
    }
    const int number = ::sigwaitinfo(&signals, nullptr);
    if (number <= 0 || number == SIGCHLD) continue;
    ended.told_to = true;
    ::kill(child, number);
  }
}

}  // namespace

int supervise(const std::function<int()>& tests, std::chrono::milliseconds patience) {
  ProcessLeakGuard guard;
  sigset_t signals;
  sigset_t before;
  ::sigemptyset(&signals);
  for (const int number : {SIGCHLD, SIGHUP, SIGINT, SIGTERM}) ::sigaddset(&signals, number);
  ::sigprocmask(SIG_BLOCK, &signals, &before);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) {
    std::perror("fork");
    return 1;
  }
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    std::exit(tests());
  }
  const Ended ended = wait_for(child, signals);
  // Whoever sends SIGTERM sends SIGKILL soon, and then nobody is left to end the others.
  if (ended.told_to) patience = std::chrono::milliseconds(0);
  std::string left;
  // Whom an ended process leaves behind comes to us after it.
  for (std::string more = guard.leaked(patience); !more.empty(); more = guard.leaked(patience)) {
    left += more;
  }
  if (left.empty()) return ended.status;
  std::fprintf(stderr, "processes were left running, and are ended now:\n%s", left.c_str());
  return ended.status == 0 ? 1 : ended.status;
}

}  // namespace vmfleet::test
