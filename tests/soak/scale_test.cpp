// SPDX-License-Identifier: MIT
// A thousand machines of one fleet, on a QEMU that has no guest.
#include <algorithm>
#include <fstream>
#include <sstream>
#include <thread>

#include <fmt/format.h>

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

}  // namespace

TEST_CASE("a fleet of a thousand comes up, is listed and goes down") {
  const Vmfleet world;
  const int machines = as_many_as_fit(amount(100, 1'000));
  write_fleet_file(world, machines);
  const std::string file = (world.folder() / "vmfleet.toml").string();
  const Cost up = cost_of(world, {"up", "-q", "-f", file});
  CHECK(live_qemus(world).size() == static_cast<std::size_t>(machines));
  const Cost ps = cost_of(world, {"ps", "-p", "many"});
  CHECK(world.document({"ps", "-p", "many"}).integer("ready", 0) == machines);
  const Cost down = cost_of(world, {"down", "-q", "-p", "many", "--grace", "0ms"});
  CHECK(live_qemus(world).empty());
  CHECK_FALSE(std::filesystem::exists(world.state() / "many"));
  tell("scale",
       fmt::format("{} machines: up {} ms ({} KiB), ps {} ms ({} KiB), down {} ms ({} KiB)",
                   machines, up.time.count(), up.memory, ps.time.count(), ps.memory,
                   down.time.count(), down.memory));
}
