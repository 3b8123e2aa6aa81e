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

// Until then it may be ending by itself, as ephemeral machines do with their owner.
constexpr std::chrono::seconds kPatience(1);

/// The exit status of `child`, which gets the signals that this process gets meanwhile.
int wait_for(pid_t child, const sigset_t& signals) {
  for (;;) {
    int status = 0;
    if (::waitpid(child, &status, WNOHANG) == child) {
      return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
    const int number = ::sigwaitinfo(&signals, nullptr);
    if (number > 0 && number != SIGCHLD) ::kill(child, number);
  }
}

}  // namespace

int supervise(const std::function<int()>& tests) {
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
  const int status = wait_for(child, signals);
  std::string left;
  // Whom an ended process leaves behind comes to us after it.
  for (std::string more = guard.leaked(kPatience); !more.empty(); more = guard.leaked(kPatience)) {
    left += more;
  }
  if (left.empty()) return status;
  std::fprintf(stderr, "processes were left running, and are ended now:\n%s", left.c_str());
  return status == 0 ? 1 : status;
}

}  // namespace vmfleet::test
