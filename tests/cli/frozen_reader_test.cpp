// SPDX-License-Identifier: MIT
// Readers that are stopped by a signal: the guest neither waits for them nor loses anything.
#include <charconv>
#include <csignal>

#include <vmfleet/base/text.hpp>

#include "tests/cli/program.hpp"
#include "tests/cli/terminal.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using test::Terminal;
using test::up_with;
using test::Vmfleet;

namespace {

/// How many whole lines `count 0`, `count 1`… there are; -1 when one is missing.
int counted(std::string_view text) {
  constexpr std::string_view kBegin = "count ";
  int next = 0;
  const auto lines = split(text, '\n');
  for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
    const std::string_view line = trim(lines[i]);
    if (line.rfind(kBegin, 0) != 0) continue;
    int number = -1;
    std::from_chars(line.data() + kBegin.size(), line.data() + line.size(), number);
    if (number != next) return -1;
    ++next;
  }
  return next;
}

}  // namespace

TEST_CASE("a frozen follower and a frozen console stop no guest, and miss nothing") {
  const Vmfleet world;
  REQUIRE(world.run(up_with("count", {"--append", "-- 1"})).code == 0);
  Terminal follower(world, {"logs", "-f"});
  Terminal console(world, {"console", "vm-0"});
  follower.wait_for("count 00000100");
  console.wait_for("count ");  // it begins somewhere in the log
  follower.signal(SIGSTOP);
  console.signal(SIGSTOP);
  const auto waited =
      world.run({"wait", "vm-0", "--for", "serial=count 00005000", "--timeout", "100s"});
  INFO(waited.err);
  REQUIRE(waited.code == 0);
  CHECK(counted(world.run({"logs"}).out) > 5000);
  follower.signal(SIGCONT);
  console.signal(SIGCONT);
  follower.wait_for("count 00005001");
  console.wait_for("count ");
  CHECK(counted(follower.output()) > 5000);
  follower.signal(SIGINT);
  follower.wait();
}
