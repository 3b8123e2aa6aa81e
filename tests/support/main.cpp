// SPDX-License-Identifier: MIT
// The main program of every test executable; with --tap it reports each test case to Meson.
#define CATCH_CONFIG_RUNNER
#include "tests/support/catch.hpp"
#include "tests/support/supervise.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

int tap_fd = -1;

#if CATCH_VERSION_MAJOR >= 3
using ListenerBase = Catch::EventListenerBase;
#else
using ListenerBase = Catch::TestEventListenerBase;
#endif

// One TAP line for each test case, written at once, so that a crash cannot take it along.
class TapListener : public ListenerBase {
 public:
  using ListenerBase::ListenerBase;

  void testCaseStarting(const Catch::TestCaseInfo& test) override {
    title_ = test.name;
    // A number sign would begin a TAP directive.
    std::replace(title_.begin(), title_.end(), '#', ' ');
    if (tap_fd >= 0) dprintf(tap_fd, "# running: %s\n", title_.c_str());
  }

  void testCaseEnded(const Catch::TestCaseStats& stats) override {
    if (tap_fd < 0) return;
    const bool good = stats.totals.testCases.failed == 0;
    dprintf(tap_fd, "%sok %d - %s\n", good ? "" : "not ", ++count_, title_.c_str());
  }

  void testRunEnded(const Catch::TestRunStats&) override {
    if (tap_fd >= 0) dprintf(tap_fd, "1..%d\n", count_);
  }

 private:
  std::string title_;
  int count_ = 0;
};

}  // namespace

CATCH_REGISTER_LISTENER(TapListener)

int main(int argc, char** argv) {
  setenv("VMFLEET_TESTKIT_DIR", VMFLEET_BUILT_TESTKIT, 0);
  if (argc > 1 && std::strcmp(argv[1], "--tap") == 0) {
    // Whatever else is printed, by us or by a child process, must not mix with the TAP lines.
    tap_fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    std::copy(argv + 2, argv + argc + 1, argv + 1);
    --argc;
  }
  const auto tests = [&] { return Catch::Session().run(argc, argv); };
  return vmfleet::test::supervise(tests);
}
