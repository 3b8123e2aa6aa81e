// SPDX-License-Identifier: MIT
// A thousand machines of one fleet, on a QEMU that has no guest.
#include <algorithm>
#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>
#include <vmfleet/testkit/fake_qemu.hpp>
#include <vmfleet/testkit/guests.hpp>

#include "tests/soak/soak.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using namespace vmfleet::test;
using std::chrono::milliseconds;

namespace {

void write_fleet_file(const Vmfleet& world, int machines) {
  std::ofstream(world.folder() / "vmfleet.toml")
      << "fleet = \"many\"\n[machine.vm]\naccel = \"tcg\"\nmemory = \"1M\"\n"
      << fmt::format("count = {}\nqemu = \"{}\"\nkernel = \"{}\"\n", machines,
                     testkit::fake_qemu_path().string(), testkit::guest_path("marker").string())
      << "ready = { serial = \"vmfleet: guest ready\", timeout = \"600s\" }\n";
}

/// The most that the process ever had in memory, in KiB; of one that has ended what it was before.
long peak_of(pid_t pid, long before) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmHWM:", 0) == 0) return std::stol(line.substr(6));
  }
  return before;
}

/// No more than `up` finds memory for: it takes each for a real QEMU.
int as_many_as_fit(int machines) {
  constexpr long kEach = 22L << 10;
  std::ifstream info("/proc/meminfo");
  for (std::string line; std::getline(info, line);) {
    if (line.rfind("MemAvailable:", 0) != 0) continue;
    return std::min(machines, static_cast<int>(std::stol(line.substr(13)) / kEach));
  }
  return machines;
}

struct Cost {
  milliseconds time{0};
  long memory = 0;  ///< KiB
};

/// Of a command that succeeds.
Cost cost_of(const Vmfleet& world, const Words& arguments) {
  Background command(world, arguments);
  Cost cost;
  while (!ends_within(command.pid(), milliseconds(5))) {
    cost.memory = peak_of(command.pid(), cost.memory);
  }
  cost.time = command.age();
  const int code = command.wait();
  INFO(command.output());
  REQUIRE(code == 0);
  return cost;
}

void bring_up_and_down(int machines) {
  const Vmfleet world;
  write_fleet_file(world, machines);
  const std::string file = (world.folder() / "vmfleet.toml").string();
  CHECK(world.run({"up", "--dry-run", "-f", file}).code == 0);  // which probes QEMU
  const Cost up = cost_of(world, {"up", "-q", "-f", file});
  CHECK(live_qemus(world).size() == static_cast<std::size_t>(machines));
  const Cost ps = cost_of(world, {"ps", "-p", "many"});
  CHECK(world.document({"ps", "-p", "many"}).integer("ready", 0) == machines);
  const Cost down = cost_of(world, {"down", "-q", "-p", "many", "--grace", "0ms"});
  CHECK(live_qemus(world).empty());
  CHECK_FALSE(std::filesystem::exists(world.state() / "many"));
  tell("scale",
       fmt::format("{} machines: up {} ms, {:.1f} each ({} KiB), ps {} ms ({} KiB), down {} ms ({} "
                   "KiB)",
                   machines, up.time.count(), static_cast<double>(up.time.count()) / machines,
                   up.memory, ps.time.count(), ps.memory, down.time.count(), down.memory));
}

/// How often the threads of a process have slept or were put to sleep.
/// *Source*: proc(5), /proc/PID/status.
long context_switches(pid_t pid) {
  long sum = 0;
  for (const auto& thread :
       std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid))) {
    std::ifstream status(thread.path() / "status");
    for (std::string line; std::getline(status, line);) {
      const auto colon = line.find("ctxt_switches:");
      if (colon != std::string::npos) sum += std::stol(line.substr(line.find(':') + 1));
    }
  }
  return sum;
}

/// Whether there is a time in which none of its threads runs: a timer would wake one.
bool comes_to_rest(pid_t pid) {
  constexpr milliseconds kWindow(2'000);
  constexpr int kWindows = 15;
  for (int i = 0; i < kWindows; ++i) {
    const long before = context_switches(pid);
    std::this_thread::sleep_for(kWindow);
    if (context_switches(pid) == before) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("a fleet of a thousand comes up, is listed and goes down") {
  bring_up_and_down(8);
  bring_up_and_down(as_many_as_fit(amount(100, 1'000)));
}

TEST_CASE("who waits for machines that do nothing does nothing either") {
  const Vmfleet world;
  write_fleet_file(world, 8);
  const std::string file = (world.folder() / "vmfleet.toml").string();
  REQUIRE(world.run({"up", "-q", "-f", file}).code == 0);
  Background attached(world, {"up", "--attach", "-q", "-f", file});
  Background end(world, {"wait", "-p", "many", "vm-0", "--for", "exit"});
  Background follower(world, {"logs", "-p", "many", "-f"});
  // Each begins with some work; then there is none.
  for (const Background* one : {&attached, &end, &follower}) {
    INFO(join(one->arguments(), " "));
    CHECK(comes_to_rest(one->pid()));
  }
  CHECK(world.run({"down", "-q", "-p", "many", "--grace", "0ms"}).code == 0);
  static_cast<void>(attached.wait());
  static_cast<void>(end.wait());
  follower.signal(SIGTERM);
  static_cast<void>(follower.wait());
}
