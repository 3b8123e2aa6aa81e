// SPDX-License-Identifier: MIT
// death_of: what a body that must abort the process said on its way.
#pragma once

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "tests/support/catch.hpp"

namespace vmfleet::test {

/// Runs `body` in a forked child, which must be ended by abort(); gives the child's stderr.
/// The body makes everything it needs itself, loops above all.
template <class Body>
std::string death_of(Body body) {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    ::signal(SIGABRT, SIG_DFL);  // the test framework's handler would report here
    ::dup2(ends[1], STDERR_FILENO);
    try {
      body();
    } catch (...) {
    }
    ::_exit(0);
  }
  ::close(ends[1]);
  REQUIRE(child > 0);
  std::string said;
  char buffer[4096];
  for (ssize_t count; (count = ::read(ends[0], buffer, sizeof buffer)) > 0;) {
    said.append(buffer, static_cast<std::size_t>(count));
  }
  ::close(ends[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  INFO("it said: " << said);
  REQUIRE(WIFSIGNALED(status));
  REQUIRE(WTERMSIG(status) == SIGABRT);
  return said;
}

}  // namespace vmfleet::test
