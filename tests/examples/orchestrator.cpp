// SPDX-License-Identifier: MIT
// Embedding a fleet in an orchestrator: start it, use it, leave nothing behind.
// README begins
#include <cstdio>

#include <vmfleet/async/loop.hpp>
#include <vmfleet/fleet/fleet.hpp>

using namespace vmfleet;

Task<int> use_fleet() {
  FleetSpec spec = FleetSpec::load("vmfleet.toml");
  Fleet fleet(default_state_root(), spec.name);

  const FleetReport report = co_await fleet.up(std::move(spec));
  for (const auto& machine : report.machines) {
    if (machine.error) std::fprintf(stderr, "%s\n", machine.error->what());
    for (const auto& port : machine.ports) {
      std::printf("%s: %s is at %s:%d\n", machine.name.c_str(), port.name.c_str(),
                  port.host_addr.c_str(), port.host_port);
    }
  }
  co_await fleet.down();
  co_return report.failed() == 0 ? 0 : 1;
}

int main() {
  Loop loop;
  return loop.run(use_fleet());
}
// README ends
