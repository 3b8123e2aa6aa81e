// SPDX-License-Identifier: MIT
// What is common to all garbage: dry runs, places that cannot be looked into, how it is told.
#include <unistd.h>

#include <cstdlib>

#include <vmfleet/fleet/garbage.hpp>
#include <vmfleet/instance/intent.hpp>
#include <vmfleet/instance/locks.hpp>

#include "tests/support/catch.hpp"
#include "tests/unit/fleet/garbage_world.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

/// Root may look into every folder.
class Unprivileged {
 public:
  Unprivileged() {
    constexpr uid_t kNobody = 65'534;
    if (was_root_) REQUIRE(::seteuid(kNobody) == 0);
  }
  Unprivileged(const Unprivileged&) = delete;
  Unprivileged& operator=(const Unprivileged&) = delete;
  ~Unprivileged() {
    if (was_root_ && ::seteuid(0) != 0) std::abort();
  }

 private:
  bool was_root_ = ::geteuid() == 0;
};

/// A folder that nobody may look into.
class Closed {
 public:
  explicit Closed(std::filesystem::path path) : path_(std::move(path)) {
    std::filesystem::create_directories(path_);
    std::filesystem::permissions(path_, std::filesystem::perms::none);
  }
  Closed(const Closed&) = delete;
  Closed& operator=(const Closed&) = delete;
  ~Closed() { std::filesystem::permissions(path_, std::filesystem::perms::owner_all); }

 private:
  std::filesystem::path path_;
};

}  // namespace

TEST_CASE("a dry run tells the same and removes nothing") {
  const GarbageWorld world;
  make_machine(world.state(), "old", from_another_boot);
  REQUIRE(names_of(world.collect(true).removed) == Names{"old"});
  REQUIRE(std::filesystem::exists(world.state() / "demo/old"));
  REQUIRE(names_of(world.collect().removed) == Names{"old"});
  REQUIRE_FALSE(std::filesystem::exists(world.state() / "demo"));
}

TEST_CASE("unfinished files go by their name and their age") {
  const GarbageWorld world;
  std::filesystem::create_directories(world.state() / ".ssh");
  std::filesystem::create_directories(world.state() / ".ssh-Ab1234");
  std::filesystem::create_directories(world.cache() / "images/.building-tiny-x86_64-image-Ab1234");
  touch(world.cache() / "images/.lock-tiny-x86_64");
  const std::vector<std::filesystem::path> old = {
      world.state() / ".ssh-Ab1234", world.cache() / "kernels/.0123456789abcdef.Ab1234",
      world.cache() / "qemu-probe.json.12.34", world.temporary("vmfleet-kvm-Ab1234")};
  for (std::size_t i = 1; i < old.size(); ++i) touch(old[i]);
  touch(world.cache() / "kernels/0123456789abcdef");
  make_old(world.cache() / "images/.lock-tiny-x86_64");
  make_old(world.state() / ".ssh");
  REQUIRE(names_of(world.collect().removed) == Names{".building-tiny-x86_64-image-Ab1234"});
  for (const auto& path : old) make_old(path);
  REQUIRE(names_of(world.collect().removed) == Names{".0123456789abcdef.Ab1234", ".ssh-Ab1234",
                                                     "qemu-probe.json.12.34",
                                                     "vmfleet-kvm-Ab1234"});
  REQUIRE(std::filesystem::exists(world.state() / ".ssh"));
  REQUIRE(std::filesystem::exists(world.cache() / "kernels/0123456789abcdef"));
  REQUIRE(std::filesystem::exists(world.cache() / "images/.lock-tiny-x86_64"));
}

TEST_CASE("a dry run makes no file and sets no record aside") {
  const GarbageWorld world;
  make_machine(world.state(), "old", from_another_boot);
  const auto damaged = make_machine(world.state(), "damaged", from_another_boot);
  touch(damaged.file(instance_file::kIntent), "{");
  touch(damaged.file(instance_file::kDisks), R"({"schema":"vmfleet.disks/1"})");
  const auto bare = InstanceDirectory::create(world.state(), "demo", "bare");
  make_old(bare.path());
  const auto before = all_below(world.temporary(""));
  const GarbageReport report = world.collect(true);
  REQUIRE(names_of(report.removed) == Names{"bare", "old"});
  REQUIRE(names_of(report.kept) == Names{"damaged"});
  REQUIRE(all_below(world.temporary("")) == before);
}

TEST_CASE("a dry run tells of what another command works on") {
  const GarbageWorld world;
  const auto locked = make_machine(world.state(), "locked", from_another_boot);
  const auto lock = OperationLock::acquire(locked);
  const GarbageReport report = world.collect(true);
  REQUIRE(report.removed.empty());
  REQUIRE(names_of(report.kept) == Names{"locked"});
}

TEST_CASE("a folder that cannot be looked into is told of, and the rest is collected") {
  const Unprivileged user;
  const GarbageWorld world;
  make_machine(world.state(), "old", from_another_boot);
  const Closed fleet(world.state() / "closed");
  const Closed root(world.temporary("vmfleet-aBc012"));
  const GarbageReport report = world.collect();
  REQUIRE(names_of(report.removed) == Names{"old"});
  REQUIRE(names_of(report.kept) == Names{"closed", "vmfleet-aBc012"});
  for (const Garbage& kept : report.kept) {
    REQUIRE(kept.error);
    REQUIRE_THAT(kept.reason, ContainsSubstring("Permission denied"));
  }
  REQUIRE(report.failed());
}

TEST_CASE("without a temporary folder the rest is collected") {
  const GarbageWorld world;
  make_machine(world.state(), "old", from_another_boot);
  ::setenv("TMPDIR", world.temporary("missing").c_str(), 1);
  const GarbageReport report = world.collect();
  REQUIRE(names_of(report.removed) == Names{"old"});
  REQUIRE_FALSE(report.failed());
}

TEST_CASE("garbage is told as JSON") {
  Garbage garbage(GarbageKind::process, "/state/demo/vm", "its folder was removed");
  garbage.pid = 12;
  garbage.size = Bytes(4096);
  REQUIRE(json::write(garbage.to_json()) ==
          R"({"kind":"process","path":"/state/demo/vm","pid":12,"bytes":4096,)"
          R"("reason":"its folder was removed"})");
}
