// SPDX-License-Identifier: MIT
// The program vmfleet: parse, run one command, exit.
#include <fcntl.h>
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

}  // namespace

int main(int argc, char** argv) {
  open_standard_descriptors();
  std::signal(SIGPIPE, SIG_IGN);
  vmfleet::cli::Program program;
  return program.main(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
}
