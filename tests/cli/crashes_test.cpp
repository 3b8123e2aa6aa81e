// SPDX-License-Identifier: MIT
// A command that dies at any point leaves nothing that the next command cannot deal with.
//
// The program is killed just before each of its system calls that others can see the effect of: on
// the disk, of processes, by a peer. Between two of these nothing happens that could outlive it, so
// this covers every point of a crash there is, also those that nobody thought of labelling, and the
// product has no code for it. Writes are also torn: half is there.
#include <cstdio>

#include <fmt/format.h>

#include "tests/cli/fault_world.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

enum class Next { down, same };

/// False when the command has no such call.
bool crash_once(FaultWorld& world, const Command& command, const std::string& fault, Next next) {
  world.trial = fmt::format("{} with {}, then {}", command.name, fault,
                            next == Next::same ? "the same" : "down");
  world.prepare(command.before);
  const Ran crashed = world.run_with(fault, command.words);
  if (world.hit().empty()) {
    world.require_removable();
    return false;
  }
  if (crashed.code != 128 + 9) world.complain("it was not killed: " + crashed.err);
  world.require_sound();
  if (next == Next::same) {
    const Ran again = world.run(command.words);
    world.judge_next(again, command);
  }
  world.require_removable();
  return true;
}

/// How many crashes there were.
int crash_everywhere(FaultWorld& world, const Command& command, const char* calls,
                     const char* action, int step = 1) {
  int count = 0;
  for (const Next next : {Next::down, Next::same}) {
    for (int k = 1; crash_once(world, command, fmt::format("{}:{}:{}", calls, k, action), next);
         k += step * stride()) {
      ++count;
    }
  }
  CHECK(count > 0);  // else the program's calls are not watched
  return count;
}

void tell_problems(const FaultWorld& world) {
  for (const auto& problem : world.problems()) FAIL_CHECK(problem);
}

void crash_command(std::string_view name) {
  FaultWorld world;
  for (const Command& command : changing_commands()) {
    if (command.name != name) continue;
    const int killed = crash_everywhere(world, command, "change", "kill");
    const int torn = crash_everywhere(world, command, "write", "tear");
    std::fprintf(stderr, "%s: %d crashes, and %d in the middle of a write\n", command.name.c_str(),
                 killed, torn);
  }
  tell_problems(world);
}

}  // namespace

TEST_CASE("whatever up leaves when it is killed, the next command recovers") {
  crash_command("up");
}

TEST_CASE("whatever down leaves when it is killed, the next command recovers") {
  crash_command("down");
}

TEST_CASE("whatever stop and kill leave when they are killed, the next command recovers") {
  crash_command("stop");
  crash_command("kill");
}

TEST_CASE("whatever start leaves when it is killed, the next command recovers") {
  crash_command("start");
}

TEST_CASE("whatever rm leaves when it is killed, the next command recovers") {
  crash_command("rm");
}

TEST_CASE("whatever restart leaves when it is killed, the next command recovers") {
  crash_command("restart");
}

TEST_CASE("whatever up --recreate leaves when it is killed, the next command recovers") {
  crash_command("up --recreate");
}

TEST_CASE("whatever an up of two machines leaves when it is killed, the next command recovers") {
  FaultWorld world;
  // Their calls come in one order now and in another then, so each is hit by one step or another.
  constexpr int kStep = 4;
  const Command command{"up -n 2", {"up", "-n", "2"}, Before::nothing, "ready"};
  const int killed = crash_everywhere(world, command, "change", "kill", kStep);
  std::fprintf(stderr, "up -n 2: %d crashes\n", killed);
  tell_problems(world);
}
