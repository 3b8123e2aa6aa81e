// SPDX-License-Identifier: MIT
// Commands that are killed: what they started is known to the next, and ends.
#include <csignal>

#include <fmt/format.h>

#include "tests/soak/soak.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using namespace vmfleet::test;
using std::chrono::microseconds;
using std::chrono::milliseconds;

namespace {

void check_records(const json::Value& ps) {
  for (const json::Value& machine : *ps["machines"].as_array()) {
    INFO(json::write(machine));
    CHECK(machine["error"].text("kind") != "corrupt");
  }
}

/// Waits for the end of processes that were to die by themselves.
bool all_end(const Vmfleet& world) {
  for (const auto& [machine, pid] : live_qemus(world)) {
    if (!ends_within(pid, std::chrono::seconds(60))) return false;
  }
  return live_qemus(world).empty();
}

}  // namespace

TEST_CASE("R1: up that is killed at a random point leaves no machine that ps does not know") {
  const Vmfleet world;
  Chance chance("R1");
  const Words up = up_with("marker", {"-n", "8", "--forward", "web:80"});
  const milliseconds whole = time_of(world, up);
  REQUIRE(world.run({"down", "--grace", "0ms"}).code == 0);
  const int times = amount(6, 200);
  std::size_t seen = 0;
  for (int i = 0; i < times; ++i) {
    Background command(world, up);
    ends_within(command.pid(), chance.part_of(whole));
    command.signal(SIGKILL);
    command.wait();
    const json::Value ps = world.document({"ps"});
    check_records(ps);
    const auto live = live_qemus(world);
    seen += live.size();
    CHECK(live == listed_qemus(ps));
    const Ran down = world.run({"down", "--grace", "0ms"});
    INFO(down.err);
    CHECK(down.code == 0);
    CHECK(live_qemus(world).empty());
    CHECK_FALSE(std::filesystem::exists(world.state() / "default"));
  }
  tell("R1", fmt::format("{} kills of up -n 8 within {} ms: {} QEMUs lived on, all known to ps, "
                         "none left after down",
                         times, whole.count(), seen));
}

TEST_CASE("R3: machines whose command was killed are adopted as ready as they were") {
  const Vmfleet world;
  for (int i = 0; i < amount(1, 5); ++i) {
    Background owner(world, up_with("marker", {"-n", "8", "--attach", "--progress", "none"}));
    while (world.document({"ps"}).integer("ready", 0) < 8) REQUIRE_FALSE(owner.ended());
    owner.signal(SIGKILL);
    owner.wait();
    Background adopter(world, {"ps", "--json"});
    REQUIRE(adopter.wait() == 0);
    const json::Value ps = json::parse(adopter.output()).value();
    CHECK(ps.integer("ready", 0) == 8);
    CHECK(live_qemus(world) == listed_qemus(ps));
    tell("R3",
         fmt::format("ps knew 8 ready machines {} ms after its start", adopter.age().count()));
    CHECK(world.run({"down", "--grace", "0ms"}).code == 0);
  }
}

TEST_CASE("R4: machines of a run that is killed die with it") {
  const Vmfleet world;
  Chance chance("R4");
  Words run = up_with("marker", {"-n", "2"});
  run.front() = "run";
  run.insert(run.end(), {"--", "sleep", "1000"});
  const int times = amount(4, 100);
  for (int i = 0; i < times; ++i) {
    Background command(world, run);
    ends_within(command.pid(), chance.part_of(milliseconds(1'500)));
    command.signal(SIGKILL);
    command.wait();
    CHECK(all_end(world));
  }
  tell("R4", fmt::format("{} kills of run -n 2: no QEMU left", times));
}
