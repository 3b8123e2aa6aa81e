// SPDX-License-Identifier: MIT
// Every system call that a command makes and that may fail does, one after the other.
#include <chrono>
#include <csignal>
#include <cstdio>
#include <map>

#include <fmt/format.h>

#include "tests/cli/fault_world.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

struct Fault {
  const char* calls;
  const char* action;
  const char* words;   ///< that a failure must contain
  bool stays = false;  ///< a disk that is full stays full
};

constexpr const char* kIo = "Input/output error";
constexpr const char* kFull = "No space left on device";
constexpr const char* kInterrupted = "Interrupted system call";
constexpr Fault kFaults[] = {
    {"write", "EIO", kIo},
    {"write", "ENOSPC", kFull, true},
    {"write", "short", ""},
    {"write", "EINTR", kInterrupted},
    {"send", "ENOMEM", "Cannot allocate memory"},
    {"send", "short", ""},
    {"send", "EINTR", kInterrupted},
    {"sync", "EIO", kIo},
    {"rename", "ENOSPC", kFull},
    {"create", "ENOSPC", kFull, true},
    {"create", "EIO", kIo},
    {"open", "EIO", kIo},
    {"descriptor", "EMFILE", "Too many open files"},
    {"remove", "EIO", kIo},
    {"attribute", "EIO", kIo},
    {"fork", "EAGAIN", "Resource temporarily unavailable"},
    {"connect", "ECONNREFUSED", "Connection refused"},
    {"connect", "EINTR", kInterrupted},
    {"connect", "EAGAIN", "Resource temporarily unavailable"},
    {"lock", "ENOLCK", "No locks available"},
    {"lock", "EINTR", kInterrupted},
    {"watch", "ENOSPC", kFull},
    {"signal", "EPERM", "Operation not permitted"},
};

/// Such interruptions are nobody's failure.
bool is_harmless(const Fault& fault) {
  const std::string_view action = fault.action;
  return action == "EINTR" || (action == "short" && std::string_view(fault.calls) == "send");
}

/// An open file is also a descriptor, and fails alike for want of one; and there are commands
/// whose calls are those of two others.
bool is_tried_elsewhere(const Fault& fault, const Command& command) {
  const std::string_view calls = fault.calls;
  if (calls == "open") return command.name != "up";
  return calls == "descriptor" && (command.name == "restart" || command.name == "up --recreate");
}

/// How many faults there were.
int try_all(FaultWorld& world, const Command& command, const Fault& fault) {
  int count = 0;
  for (int k = 1;; k += stride()) {
    const std::string plan =
        fmt::format("{}:{}{}:{}", fault.calls, k, fault.stays ? "+" : "", fault.action);
    world.trial = command.name + " with " + plan;
    world.prepare(command.before);
    const Ran ran = world.run_with(plan, command.words);
    if (world.hit().empty()) {
      world.require_removable();
      return count;
    }
    ++count;
    world.judge(ran, command, fault.words);
    if (is_harmless(fault) && ran.code != 0) world.complain("it failed: " + ran.err);
    world.require_sound();
    world.require_removable();
  }
}

void try_command(std::string_view name) {
  FaultWorld world;
  for (const Command& command : changing_commands()) {
    if (command.name != name) continue;
    std::string line = command.name + ":";
    int faults = 0;
    for (const Fault& fault : kFaults) {
      if (is_tried_elsewhere(fault, command)) continue;
      const int count = try_all(world, command, fault);
      faults += count;
      line += fmt::format(" {} {} {},", fault.calls, fault.action, count);
    }
    std::fprintf(stderr, "%s\n", line.c_str());
    CHECK(faults > 0);  // else the program's calls are not watched
  }
  for (const auto& problem : world.problems()) FAIL_CHECK(problem);
}

}  // namespace

TEST_CASE("up survives the failure of any call") {
  try_command("up");
}

TEST_CASE("down survives the failure of any call") {
  try_command("down");
}

TEST_CASE("stop and kill survive the failure of any call") {
  try_command("stop");
  try_command("kill");
}

TEST_CASE("start survives the failure of any call") {
  try_command("start");
}

TEST_CASE("rm survives the failure of any call") {
  try_command("rm");
}

TEST_CASE("restart survives the failure of any call") {
  try_command("restart");
}

TEST_CASE("up --recreate survives the failure of any call") {
  try_command("up --recreate");
}

TEST_CASE("no limit on open files is too low for an answer") {
  // Without descriptors the sanitizer cannot tell what memory is accessible, and calls valid
  // objects invalid.
  if (is_sanitized()) return;
  FaultWorld world;
  int count = 0;
  // Below that the program cannot be loaded.
  for (int limit = 6; limit <= 24; ++limit) {
    for (const std::string command : {"up", "ps", "down"}) {
      const Ran ran = world.shell(fmt::format("ulimit -n {}; vmfleet {}", limit, command));
      INFO(command << " with " << limit << ": " << ran.out);
      CHECK(ran.code < 128);
      CHECK(ran.code != 127);
      const bool told = ran.out.find("vmfleet: ") != std::string::npos;
      CHECK((ran.code == 0 || told));
      ++count;
    }
  }
  std::fprintf(stderr, "limits on open files: %d commands\n", count);
  world.require_removable();
  CHECK(world.problems().empty());
}

TEST_CASE("no limit on memory is too low for an answer") {
  if (is_sanitized()) return;
  FaultWorld world;
  const auto with_limit = [&](int mebi, const std::string& command) {
    return world.shell(fmt::format("ulimit -v {}; vmfleet {}", mebi * 1024, command));
  };
  int count = 0;
  for (int mebi = 8; mebi <= 256; mebi += 4) {
    // Below that the program cannot be loaded.
    if (with_limit(mebi, "version").code != 0) continue;
    const Ran ran = with_limit(mebi, "up");
    INFO(mebi << " MiB: " << ran.out);
    CHECK(ran.code < 128);
    CHECK((ran.code == 0 || ran.out.find("vmfleet: ") != std::string::npos));
    ++count;
  }
  std::fprintf(stderr, "limits on memory: %d commands\n", count);
  CHECK(count > 0);
  world.require_removable();
}

TEST_CASE("looking at two hundred machines asks none of them, so one that hangs holds up nothing") {
  FaultWorld world;
  const auto start = [&](const Words& words) {
    const Ran ran = world.run(words);
    INFO(ran.err);
    REQUIRE(ran.code == 0);
  };
  start({"up", "-n", "64"});
  start({"stop", "vm-63"});
  const Ran copies =
      world.shell("cd state/demo && for i in $(seq 64 199); do cp -a vm-63 vm-$i || exit 1; done");
  REQUIRE(copies.code == 0);
  start({"start", "vm-63"});
  const auto first = world.document({"ps", "vm-0"});
  const auto hung = first["machines"].as_array()->front()["pid"].as_int();
  REQUIRE(hung);
  ::kill(static_cast<pid_t>(*hung), SIGSTOP);
  const auto began = std::chrono::steady_clock::now();
  const Ran ps = world.run_with("connect:1+:count", {"--json", "ps"});
  const auto took = std::chrono::steady_clock::now() - began;
  std::fprintf(
      stderr, "ps of 200 machines, 64 of them live: %lld ms\n",
      static_cast<long long>(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
  CHECK(world.hit().empty());
  const auto document = json::parse(ps.out);
  REQUIRE(document.ok());
  std::map<std::string, int> states;
  for (const auto& machine : *document.value()["machines"].as_array()) {
    ++states[std::string(machine.text("state"))];
  }
  CHECK(states["ready"] == 64);
  CHECK(states["stopped"] == 136);
  CHECK(world.run({"kill"}).code == 0);
  world.require_removable();
  CHECK(world.problems().empty());
}
