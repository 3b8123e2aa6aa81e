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
