// SPDX-License-Identifier: MIT
// holds_without: how a body fares when the kernel refuses one system call.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>

#include "tests/support/catch.hpp"

namespace vmfleet::test {

inline void refuse(unsigned call, unsigned error) {
  sock_filter instructions[] = {
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, call},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | error},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
  };
  const sock_fprog program{4, instructions};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    ::_exit(2);
  }
}

/// What `body()` gives in a forked child in which the system call `call` fails with `error`.
template <class Body>
bool holds_without(unsigned call, unsigned error, Body body) {
  const pid_t child = ::fork();
  if (child == 0) {
    refuse(call, error);
    bool held = false;
    try {
      held = body();
    } catch (...) {
    }
    ::_exit(held ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace vmfleet::test
