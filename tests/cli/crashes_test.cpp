// SPDX-License-Identifier: MIT
// A command that dies at any point leaves nothing that the next command cannot deal with.
//
// The program is killed just before each of its system calls that others can see the effect of: on
// the disk, of processes, by a peer. Between two of these nothing happens that could outlive it, so
// this covers every point of a crash there is, also those that nobody thought of labelling, and the
// product has no code for it. Writes are also torn: half is there.
#include <cstdio>
#include <fstream>

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

/// Three files in a folder.
std::filesystem::path put_image(const FaultWorld& world) {
  const auto image = world.folder() / "cache/vmfleet/images/tiny-x86_64-1";
  std::filesystem::create_directories(image);
  std::ofstream(image / "vmlinux") << "kernel";
  std::ofstream(image / "initrd") << "initrd";
  std::ofstream(image / "image.json")
      << R"({"schema": "vmfleet.image/1", "name": "tiny", "arch": "x86_64", "created": "2026",)"
      << R"( "kernel_size": 6, "initrd_size": 6})";
  return image;
}

std::size_t files_in(const std::filesystem::path& folder) {
  std::error_code gone;
  return std::distance(std::filesystem::directory_iterator(folder, gone), {});
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

TEST_CASE("an image rm that is killed leaves a whole image or none, and the rest is collected") {
  FaultWorld world;
  int killed = 0;
  for (;; ++killed) {
    const auto image = put_image(world);
    const auto fault = fmt::format("change:{}:kill", killed + 1);
    world.run_with(fault, {"image", "rm", "tiny"});
    INFO(fault << ": " << world.hit());
    const std::size_t left = files_in(image);
    CHECK((left == 0 || left == 3));
    CHECK(world.run({"image", "prune"}).code == 0);
    const bool locked = std::filesystem::exists(image.parent_path() / ".lock-tiny-x86_64");
    const std::size_t others = files_in(image.parent_path()) - (locked ? 1 : 0);
    CHECK(others == (left == 0 ? 0 : 1));
    if (world.hit().empty()) break;
  }
  CHECK(killed > 3);
}

namespace {

/// Of real QEMU, for the fake one saves nothing.
struct SnapshotWorld : Vmfleet {
  SnapshotWorld() {
    environment["FAULT_FOLDER"] = folder().string();
    environment["FAULT_REPORT"] = report().string();
    environment["UV_THREADPOOL_SIZE"] = "1";
  }

  [[nodiscard]] std::filesystem::path report() const { return folder() / "report"; }
  /// False when there was no call for it.
  bool is_hit(const std::string& fault, const Words& words) {
    std::filesystem::remove(report());
    environment["FAULT"] = fault;
    run(words);
    environment.erase("FAULT");
    return std::filesystem::exists(report());
  }
  void make_snapshot() const {
    REQUIRE(run(up_with("count")).code == 0);
    REQUIRE(run({"snapshot", "vm-0", "one"}).code == 0);
  }
};

/// With each fault in turn. How many there were.
int spoil_snapshots(const char* calls, const char* action) {
  SnapshotWorld world;
  world.make_snapshot();
  int count = 0;
  for (int k = 1;; k += stride(), ++count) {
    const auto fault = fmt::format("{}:{}:{}", calls, k, action);
    if (!world.is_hit(fault, {"snapshot", "vm-0", "one", "--force"})) break;
    INFO(fault);
    const auto ps = world.document({"ps"});
    CHECK(machine(ps, 0).text("state") == "ready");
    CHECK(machine(ps, 0).texts("snapshots") == std::vector<std::string>{"one"});
  }
  CHECK(world.run({"restore", "vm-0", "one"}).code == 0);
  return count;
}

}  // namespace

TEST_CASE("whatever spoils snapshot --force, one is there, and the guest goes on") {
  CHECK(spoil_snapshots("change", "kill") > 0);
  CHECK(spoil_snapshots("send", "ENOMEM") > 0);
}

TEST_CASE("whatever snapshot --rm leaves when it is killed, the machine can be removed") {
  SnapshotWorld world;
  int killed = 0;
  for (;; ++killed) {
    world.make_snapshot();
    const auto fault = fmt::format("change:{}:kill", killed + 1);
    const bool hit = world.is_hit(fault, {"snapshot", "vm-0", "one", "--rm"});
    const Ran down = world.run({"down", "--grace", "0ms"});
    INFO(fault << "\n" << down.err);
    CHECK(down.code == 0);
    CHECK_FALSE(std::filesystem::exists(world.state() / "default/vm-0"));
    if (!hit) break;
  }
  CHECK(killed > 3);
}
