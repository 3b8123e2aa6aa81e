// SPDX-License-Identifier: MIT
// Signals at any moment of up.
#include <csignal>

#include <fmt/format.h>

#include "tests/cli/terminal.hpp"
#include "tests/soak/soak.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using namespace vmfleet::test;
using std::chrono::milliseconds;

namespace {

constexpr std::size_t kMachines = 4;

/// The exit codes that tell of these signals, or that it was over before.
bool is_fitting(int code) {
  return code == 0 || code == 128 + SIGHUP || code == 128 + SIGINT || code == 128 + SIGTERM;
}

}  // namespace

TEST_CASE("R23: up that is told to end at a random point, once or again and again") {
  const Vmfleet world;
  Chance chance("R23");
  const std::vector<int> signals = {SIGINT, SIGTERM, SIGHUP};
  const Words up = up_with("marker", {"-n", std::to_string(kMachines)});
  const milliseconds whole = time_of(world, up);
  REQUIRE(world.run({"down", "--grace", "0ms"}).code == 0);
  const int times = amount(6, 200);
  int interrupted = 0;
  for (int i = 0; i < times; ++i) {
    Terminal terminal(world, up);
    ends_within(terminal.pid(), chance.part_of(whole));
    const int storm = i % 3 == 0 ? 20 : 1;
    for (int k = 0; k < storm; ++k) terminal.signal(chance.one_of(signals));
    const int code = terminal.wait();
    INFO(terminal.output());
    CHECK(is_fitting(code));
    CHECK(terminal.cursor_is_shown());
    CHECK(terminal.modes_are_unchanged());
    // What came when all was up, and about to be told, is too late to undo anything.
    const auto live = live_qemus(world);
    const bool was_up = live.size() == kMachines;
    CHECK((code == 0 ? was_up : was_up || live.empty()));
    if (!was_up) ++interrupted;
    CHECK(live == listed_qemus(world.document({"ps"})));
    world.run({"down", "--grace", "0ms"});
    CHECK(live_qemus(world).empty());
  }
  tell("R23", fmt::format("{} times within {} ms, {} of them undone: nothing left", times,
                          whole.count(), interrupted));
}
