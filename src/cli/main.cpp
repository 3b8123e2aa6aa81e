// SPDX-License-Identifier: MIT
// The program vmfleet: parse, run one command, exit.
#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <vector>

#include "cli/program.hpp"

namespace {

// A standard descriptor that is closed would become that of some socket or file of ours.
void open_standard_descriptors() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (::fcntl(fd, F_GETFD) == -1) static_cast<void>(::open("/dev/null", O_RDWR));
  }
}

// The threads that work for the loop take turns, mostly. Each with a heap of its own, what they
// need once would stay with us once for each of them: more than eight machines take.
void share_one_heap() {
#ifdef M_ARENA_MAX
  ::mallopt(M_ARENA_MAX, 1);
#endif
}

}  // namespace

int main(int argc, char** argv) {
  share_one_heap();
  open_standard_descriptors();
  std::signal(SIGPIPE, SIG_IGN);
  vmfleet::cli::Program program;
  return program.main(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
}
