// SPDX-License-Identifier: MIT
// A fleet of small machines on the QEMU under test, in a state root of its own.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <vmfleet/async/task_group.hpp>
#include <vmfleet/fleet/fleet.hpp>
#include <vmfleet/testkit/guests.hpp>

#include "tests/support/process_leak_guard.hpp"
#include "tests/support/qemu_session.hpp"
#include "tests/support/temp_dir.hpp"

namespace vmfleet::test {

inline const std::vector<std::string> kEveryone;

/// vm-0, vm-1, … that are ready when their marker appears.
inline FleetSpec spec_of(std::size_t count, const std::string& guest = "marker") {
  FleetOptions options;
  options.fleet = "demo";
  options.count = count;
  options.kernel = testkit::guest_path(guest).string();
  options.memory = "32M";
  options.accel = "tcg";
  options.qemu = qemu_under_test().string();
  options.ready = {"serial=vmfleet: guest ready"};
  options.forwards = {"ssh:22"};
  return FleetSpec::from_options(options);
}

/// The last of them never becomes ready.
inline FleetSpec with_a_laggard(std::size_t count) {
  FleetSpec spec = spec_of(count);
  spec.machines.back().ready.serial = {"never printed"};
  return spec;
}

inline std::map<std::string, pid_t> pids(const FleetReport& report) {
  std::map<std::string, pid_t> result;
  for (const auto& machine : report.machines) result[machine.name] = machine.pid.value_or(0);
  return result;
}

/// A fleet that is empty at first. No process of it may outlive the test.
struct Demo {
  ProcessLeakGuard guard;
  const TempDir root;
  Fleet fleet{root.path(), "demo"};

  [[nodiscard]] bool exists() const { return std::filesystem::exists(root / "demo"); }
  /// Several `up` of the same machines.
  Task<std::vector<FleetReport>> up_at_once(FleetSpec spec, std::size_t times) {
    std::vector<FleetReport> reports(times);
    auto body = [&](TaskGroup& group) -> Task<void> {
      for (auto& report : reports) {
        auto converge = [&, slot = &report]() -> Task<void> { *slot = co_await fleet.up(spec); };
        group.start(converge);
      }
      co_return;
    };
    co_await with_task_group(body);
    co_return reports;
  }
  Task<FleetReport> down() { return fleet.down(kEveryone, StopOptions::kill()); }
};

}  // namespace vmfleet::test
