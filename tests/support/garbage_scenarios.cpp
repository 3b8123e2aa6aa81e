// SPDX-License-Identifier: MIT
// QEMUs whose folders are gone, on a real QEMU and on the fake one alike.
#include <cstdlib>
#include <filesystem>

#include <vmfleet/fleet/garbage.hpp>
#include <vmfleet/io/pidfd.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/machine_fixture.hpp"
#include "tests/support/process_leak_guard.hpp"

#include <vmfleet/testkit/catch2.hpp>

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

GarbageOptions options_of(const std::filesystem::path& root, bool dry_run = false) {
  GarbageOptions options;
  options.state_root = root;
  options.cache_root = root / ".cache";
  options.dry_run = dry_run;
  return options;
}

/// Where others that test at the same time have nothing.
class OwnTemporaryFolder {
 public:
  explicit OwnTemporaryFolder(const TempDir& folder) {
    ::setenv("TMPDIR", folder.path().c_str(), 1);
  }
  OwnTemporaryFolder(const OwnTemporaryFolder&) = delete;
  OwnTemporaryFolder& operator=(const OwnTemporaryFolder&) = delete;
  ~OwnTemporaryFolder() { ::unsetenv("TMPDIR"); }
};

/// What of the report is about this process.
const Garbage* find(const std::vector<Garbage>& garbage, pid_t pid) {
  for (const Garbage& one : garbage) {
    if (one.pid == pid) return &one;
  }
  return nullptr;
}

}  // namespace

VMFLEET_ASYNC_TEST_CASE("a QEMU of whose folder only `alive` was removed is not ended") {
  ProcessLeakGuard guard;
  const TempDir root;
  const OwnTemporaryFolder temporary(root);
  Machine machine = co_await boot(config_of("marker"), detached(root));
  std::filesystem::remove(machine.directory() / "alive");

  const GarbageReport report = co_await collect_garbage(options_of(root.path()));
  REQUIRE(find(report.removed, machine.pid()) == nullptr);
  REQUIRE(find(report.kept, machine.pid()) == nullptr);
  REQUIRE(report.removed.empty());
  REQUIRE(std::filesystem::exists(machine.directory() / "pid"));
  const auto qemu = Pidfd::open(machine.pid());
  REQUIRE_FALSE(qemu->ended());
  co_await machine.stop(StopOptions::kill());
}

VMFLEET_ASYNC_TEST_CASE("a QEMU whose folder another has by now is ended, and that one is not") {
  ProcessLeakGuard guard;
  const TempDir root;
  const OwnTemporaryFolder temporary(root);
  const MachineConfig config = config_of("marker");
  Machine lost = co_await boot(config, detached(root));
  const auto qemu = Pidfd::open(lost.pid());
  std::filesystem::remove_all(lost.directory());
  Machine successor = co_await boot(config, detached(root));
  REQUIRE(successor.directory() == lost.directory());

  const GarbageReport report = co_await collect_garbage(options_of(root.path()));
  const Garbage* ended = find(report.removed, lost.pid());
  REQUIRE(ended != nullptr);
  REQUIRE_THAT(ended->reason, ContainsSubstring("its files were removed"));
  REQUIRE(qemu->ended());
  REQUIRE(find(report.removed, successor.pid()) == nullptr);
  REQUIRE(successor.report().state == MachineState::ready);
  co_await successor.stop(StopOptions::kill());
}

VMFLEET_ASYNC_TEST_CASE("a QEMU whose folder was removed is ended, and its neighbour is not") {
  ProcessLeakGuard guard;
  const TempDir root;
  const OwnTemporaryFolder temporary(root);
  MachineConfig config = config_of("marker");
  Machine lost = co_await boot(config, detached(root));
  config.name = "vm-1";
  Machine neighbour = co_await boot(config, detached(root));
  const auto qemu = Pidfd::open(lost.pid());
  std::filesystem::remove_all(lost.directory());

  const GarbageReport seen = co_await collect_garbage(options_of(root.path(), true));
  REQUIRE(find(seen.removed, lost.pid()) != nullptr);
  REQUIRE_FALSE(qemu->ended());
  const GarbageReport elsewhere = co_await collect_garbage(options_of(root / "other"));
  REQUIRE(find(elsewhere.removed, lost.pid()) == nullptr);
  REQUIRE(find(elsewhere.kept, lost.pid()) != nullptr);
  REQUIRE_FALSE(qemu->ended());

  const GarbageReport report = co_await collect_garbage(options_of(root.path()));
  const Garbage* ended = find(report.removed, lost.pid());
  REQUIRE(ended != nullptr);
  REQUIRE(ended->path == lost.directory());
  REQUIRE(qemu->ended());
  REQUIRE(neighbour.report().state == MachineState::ready);
  co_await neighbour.stop(StopOptions::kill());
}
