// SPDX-License-Identifier: MIT
// What is garbage in state roots and caches, and what is not.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <optional>

#include <vmfleet/fleet/garbage.hpp>
#include <vmfleet/instance/intent.hpp>
#include <vmfleet/instance/locks.hpp>
#include <vmfleet/instance/record.hpp>
#include <vmfleet/io/files.hpp>
#include <vmfleet/testkit/async_test.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

using namespace vmfleet;
using vmfleet::test::TempDir;

namespace {

/// State, cache and temporary files in a folder of their own.
class World {
 public:
  World() {
    ::setenv("TMPDIR", folder_.path().c_str(), 1);
    ::unsetenv("XDG_RUNTIME_DIR");
    std::filesystem::create_directories(cache() / "kernels");
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World() { ::unsetenv("TMPDIR"); }

  [[nodiscard]] std::filesystem::path state() const { return folder_ / "state"; }
  [[nodiscard]] std::filesystem::path cache() const { return folder_ / "cache"; }
  [[nodiscard]] std::filesystem::path temporary(const std::string& name) const {
    return folder_ / name;
  }

  GarbageReport collect(bool dry_run = false) const {
    GarbageOptions options;
    options.state_root = state();
    options.cache_root = cache();
    options.dry_run = dry_run;
    return testkit::run_async(collect_garbage(options));
  }

 private:
  TempDir folder_;
};

InstanceDirectory make_machine(const std::filesystem::path& root, const std::string& name,
                               const std::function<void(Intent&)>& change = {}) {
  auto directory = InstanceDirectory::create(root, "demo", name);
  Intent intent;
  intent.fleet = "demo";
  intent.name = name;
  intent.boot_id = host_boot_id();
  if (change) change(intent);
  write_intent(directory, intent);
  return directory;
}

void from_another_boot(Intent& intent) {
  intent.boot_id = "another";
}

void touch(const std::filesystem::path& path, const std::string& content = "x") {
  files::write_all(files::open(path, O_WRONLY | O_CREAT | O_TRUNC).get(), content, path);
}

void make_old(const std::filesystem::path& path) {
  timespec times[2] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0);
}

std::vector<std::string> names_of(const std::vector<Garbage>& garbage) {
  std::vector<std::string> names;
  for (const Garbage& one : garbage) names.push_back(one.path.filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

using Names = std::vector<std::string>;

Names all_below(const std::filesystem::path& folder) {
  Names paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

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

TEST_CASE("a machine that ended before the host's restart goes, one of this boot stays") {
  const World world;
  make_machine(world.state(), "old", from_another_boot);
  make_machine(world.state(), "new");
  const GarbageReport report = world.collect();
  REQUIRE(names_of(report.removed) == Names{"old"});
  REQUIRE(report.removed[0].kind == GarbageKind::machine);
  REQUIRE(report.size().count() > 0);
  REQUIRE(report.kept.empty());
  REQUIRE_FALSE(std::filesystem::exists(world.state() / "demo/old"));
  REQUIRE(std::filesystem::exists(world.state() / "demo/new"));
  REQUIRE(world.collect().removed.empty());
}

TEST_CASE("a dry run tells the same and removes nothing") {
  const World world;
  make_machine(world.state(), "old", from_another_boot);
  REQUIRE(names_of(world.collect(true).removed) == Names{"old"});
  REQUIRE(std::filesystem::exists(world.state() / "demo/old"));
  REQUIRE(names_of(world.collect().removed) == Names{"old"});
  REQUIRE_FALSE(std::filesystem::exists(world.state() / "demo"));
}

TEST_CASE("a machine with a disk of its own stays, and how to remove it is told") {
  const World world;
  const auto directory = make_machine(world.state(), "old", [](Intent& intent) {
    from_another_boot(intent);
    intent.staged_files = {"disk0.qcow2"};
  });
  touch(directory.path() / "disk0.qcow2");
  const GarbageReport report = world.collect();
  REQUIRE(report.removed.empty());
  REQUIRE(report.kept.size() == 1);
  REQUIRE_THAT(report.kept[0].reason, ContainsSubstring("vmfleet rm -p demo old"));
  REQUIRE_FALSE(report.failed());
}

TEST_CASE("a machine beside whose files somebody has put others stays") {
  const World world;
  touch(make_machine(world.state(), "old", from_another_boot).path() / "results.txt");
  const GarbageReport report = world.collect();
  REQUIRE(report.removed.empty());
  REQUIRE(report.kept.size() == 1);
  REQUIRE_THAT(report.kept[0].reason, ContainsSubstring("files of others: results.txt"));
}

TEST_CASE("a machine whose records are damaged stays, with what its disks may be") {
  const World world;
  const auto directory = make_machine(world.state(), "vm", from_another_boot);
  touch(directory.file(instance_file::kIntent),
        R"({"schema":"vmfleet.intent/1","checksum":"0","body":{}})");
  touch(directory.path() / "disk0.qcow2");
  make_old(directory.path());
  const GarbageReport report = world.collect();
  REQUIRE(report.removed.empty());
  REQUIRE(names_of(report.kept) == Names{"vm"});
  REQUIRE(names_of(world.collect().kept) == Names{"vm"});
  REQUIRE(std::filesystem::exists(directory.path() / "intent.json.corrupt"));
  REQUIRE(std::filesystem::exists(directory.path() / "disk0.qcow2"));
}

TEST_CASE("what lives or is worked on is not touched") {
  const World world;
  const auto alive = make_machine(world.state(), "alive", from_another_boot);
  const UniqueFd life = lock_alive(alive);
  const auto locked = make_machine(world.state(), "locked", from_another_boot);
  const auto lock = OperationLock::acquire(locked);
  const GarbageReport report = world.collect();
  REQUIRE(report.removed.empty());
  REQUIRE(names_of(report.kept) == Names{"locked"});
  REQUIRE_THAT(report.kept[0].reason, ContainsSubstring("another command works on locked"));
}

TEST_CASE("an ephemeral machine goes when its owner is gone, with its disks") {
  const World world;
  const auto is_ephemeral = [](Intent& intent) {
    intent.ephemeral = true;
    intent.staged_files = {"disk0.qcow2"};
  };
  const auto owned = make_machine(world.state(), "owned", is_ephemeral);
  owned.hold();
  touch(make_machine(world.state(), "left", is_ephemeral).path() / "disk0.qcow2");
  REQUIRE(names_of(world.collect().removed) == Names{"left"});
}

TEST_CASE("the root that a killed owner has made for one machine goes as a whole") {
  const World world;
  const auto root = world.temporary("vmfleet-aBc012");
  make_machine(root, "vm", [](Intent& intent) { intent.ephemeral = true; });
  const auto just_made = world.temporary("vmfleet-xyz789");
  std::filesystem::create_directories(just_made);
  REQUIRE(names_of(world.collect().removed) == Names{"vm"});
  REQUIRE_FALSE(std::filesystem::exists(root));
  REQUIRE(std::filesystem::exists(just_made));
}

TEST_CASE("a folder in which nothing was started goes once it is old") {
  const World world;
  const auto bare = InstanceDirectory::create(world.state(), "demo", "bare");
  REQUIRE(world.collect().removed.empty());
  make_old(bare.path());
  REQUIRE(names_of(world.collect().removed) == Names{"bare"});
}

TEST_CASE("folders with files of others are told of and left alone") {
  const World world;
  std::filesystem::create_directories(world.state() / "demo/mine");
  std::filesystem::permissions(world.state() / "demo", std::filesystem::perms::owner_all);
  touch(world.state() / "demo/mine/thesis.txt");
  make_old(world.state() / "demo/mine");
  const GarbageReport report = world.collect();
  REQUIRE(report.removed.empty());
  REQUIRE(names_of(report.kept) == Names{"mine"});
  REQUIRE(std::filesystem::exists(world.state() / "demo/mine/thesis.txt"));
  REQUIRE_FALSE(std::filesystem::exists(world.state() / "demo/mine/lock"));
}

TEST_CASE("of a machine that stays go damaged records and what was not finished") {
  const World world;
  const auto directory = make_machine(world.state(), "vm", [](Intent& intent) {
    intent.staged_files = {"disk0.qcow2", "disk0.qcow2.part"};
  });
  for (const char* name : {"intent.json.corrupt", "state.json.corrupt", "state.json.Ab1234",
                           "disk0.qcow2", "disk0.qcow2.part", "notes.txt"}) {
    touch(directory.path() / name);
  }
  REQUIRE(names_of(world.collect().removed) ==
          Names{"disk0.qcow2.part", "intent.json.corrupt", "state.json.Ab1234"});
  REQUIRE(std::filesystem::exists(directory.path() / "state.json.corrupt"));  // not replaced
  REQUIRE(std::filesystem::exists(directory.path() / "disk0.qcow2"));
  REQUIRE(std::filesystem::exists(directory.path() / "notes.txt"));
}

TEST_CASE("unfinished files go by their name and their age") {
  const World world;
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

TEST_CASE("unpacked kernels go when nothing was started with them for long") {
  const World world;
  const auto kernels = world.cache() / "kernels";
  for (const auto* name : {"0123456789abcdef", "fedcba9876543210", ".lock", "of-others"}) {
    touch(kernels / name);
    make_old(kernels / name);
  }
  touch(kernels / "fedcba9876543210");
  const GarbageReport report = world.collect();
  REQUIRE(names_of(report.removed) == Names{"0123456789abcdef"});
  REQUIRE(report.removed[0].kind == GarbageKind::cache);
  REQUIRE_THAT(report.removed[0].reason, ContainsSubstring("30 days"));
}

TEST_CASE("templates go when nothing was started from them for long, or what they need is gone") {
  const World world;
  const auto templates = world.cache() / "templates";
  const auto make = [&](const std::string& key, const std::string& kernel) {
    std::filesystem::create_directories(templates / key);
    for (const char* name : {"memory", "devices", "serial.log"})
      touch(templates / key / name, "12");
    touch(templates / key / "template.json",
          R"({"schema": "vmfleet.template/1", "memory": 2, "key": ")" + key + R"(", "needs": [")" +
              kernel + R"("]})");
  };
  const std::string kernel = world.temporary("kernel").string();
  touch(kernel);
  make("0a", kernel);
  make("0b", kernel);
  make("0c", world.temporary("no kernel").string());
  make("0d", kernel);
  make_old(templates / "0b");
  make_old(templates / "0d");
  std::filesystem::create_directories(templates / "0e.Ab1234");
  make("0f", kernel);
  std::filesystem::remove(templates / "0f/memory");
  const UniqueFd used = files::open(templates / ".lock-0d", O_RDWR | O_CREAT);
  REQUIRE(::flock(used.get(), LOCK_SH) == 0);

  const auto told = world.collect(true).removed;
  REQUIRE(told.size() == 4);
  REQUIRE(std::filesystem::exists(templates / "0b"));
  REQUIRE_FALSE(std::filesystem::exists(templates / ".lock-0b"));
  const GarbageReport report = world.collect();
  REQUIRE(report.removed.size() == 4);
  REQUIRE_FALSE(report.failed());
  REQUIRE(std::filesystem::exists(templates / "0a"));
  REQUIRE(std::filesystem::exists(templates / "0d"));
  for (const char* gone : {"0b", "0c", "0e.Ab1234", "0f"}) {
    REQUIRE_FALSE(std::filesystem::exists(templates / gone));
  }
}

TEST_CASE("a dry run makes no file and sets no record aside") {
  const World world;
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
  const World world;
  const auto locked = make_machine(world.state(), "locked", from_another_boot);
  const auto lock = OperationLock::acquire(locked);
  const GarbageReport report = world.collect(true);
  REQUIRE(report.removed.empty());
  REQUIRE(names_of(report.kept) == Names{"locked"});
}

TEST_CASE("a folder that is only named like a machine's own root is left alone") {
  const World world;
  const auto archive = world.temporary("vmfleet-master");
  for (const char* folder : {"src/empty", "src/main", "docs"}) {
    std::filesystem::create_directories(archive / folder);
  }
  touch(archive / "src/main/main.cpp");
  touch(archive / "src/main/intent.json", R"({"name":"not a record of ours"})");
  for (const char* folder : {"src/empty", "src/main", "src", "docs", ""}) {
    make_old(archive / folder);
  }
  const auto before = all_below(archive);
  for (const bool dry_run : {true, false}) {
    const GarbageReport report = world.collect(dry_run);
    REQUIRE(report.removed.empty());
    REQUIRE(report.kept.empty());
    REQUIRE(all_below(archive) == before);
  }
}

TEST_CASE("of a machine's own root go machines, and what is beside them stays") {
  const World world;
  const auto root = world.temporary("vmfleet-aBc012");
  make_machine(root, "vm", [](Intent& intent) { intent.ephemeral = true; });
  std::filesystem::create_directories(root / "demo/empty");
  make_old(root / "demo/empty");
  REQUIRE(names_of(world.collect().removed) == Names{"vm"});
  REQUIRE(all_below(root) == Names{(root / "demo").string(), (root / "demo/empty").string()});
}

TEST_CASE("a folder that cannot be looked into is told of, and the rest is collected") {
  const Unprivileged user;
  const World world;
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
  const World world;
  make_machine(world.state(), "old", from_another_boot);
  ::setenv("TMPDIR", world.temporary("missing").c_str(), 1);
  const GarbageReport report = world.collect();
  REQUIRE(names_of(report.removed) == Names{"old"});
  REQUIRE_FALSE(report.failed());
}

TEST_CASE("what is remembered of a QEMU that is gone is forgotten") {
  const World world;
  const auto probes = world.cache() / "qemu-probe.json";
  const auto kvm = world.cache() / "kvm-probe.json";
  touch(probes, R"({"schema": "s", "binaries": {"/bin/sh": {"a": 1}, "/no/qemu": {"a": 2}}})");
  touch(kvm, R"({"boot_id": ")" + host_boot_id() + R"(", "qemu": "/bin/sh:1:2.3"})");
  const GarbageReport report = world.collect();
  REQUIRE(names_of(report.removed) == Names{"qemu-probe.json"});
  REQUIRE_THAT(report.removed[0].reason, ContainsSubstring("/no/qemu"));
  const auto left = json::parse(files::read(probes));
  REQUIRE((*left)["binaries"].as_object()->size() == 1);
  REQUIRE((*left)["binaries"]["/bin/sh"].integer("a", 0) == 1);
  touch(kvm, R"({"boot_id": ")" + host_boot_id() + R"(", "qemu": "/no/qemu:1:2.3"})");
  REQUIRE(names_of(world.collect().removed) == Names{"kvm-probe.json"});
  touch(kvm, R"({"boot_id": "another", "qemu": "/bin/sh:1:2.3"})");
  REQUIRE(names_of(world.collect().removed) == Names{"kvm-probe.json"});
}

TEST_CASE("garbage is told as JSON") {
  Garbage garbage(GarbageKind::process, "/state/demo/vm", "its folder was removed");
  garbage.pid = 12;
  garbage.size = Bytes(4096);
  REQUIRE(json::write(garbage.to_json()) ==
          R"({"kind":"process","path":"/state/demo/vm","pid":12,"bytes":4096,)"
          R"("reason":"its folder was removed"})");
}
