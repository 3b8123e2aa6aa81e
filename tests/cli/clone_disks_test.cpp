// SPDX-License-Identifier: MIT
// vmfleet up --clone of machines that write to disks.
#include <fstream>

#include <fmt/format.h>

#include <io/temporary_folder.hpp>

#include "tests/cli/clone_world.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using test::CloneWorld;
using test::Ran;

namespace {

constexpr std::size_t kDiskSize = 4 << 20;

/// `disk` machines, whose guests write "saved" to their disk before they are ready.
struct DiskWorld : CloneWorld {
  explicit DiskWorld(const std::string& mode = "overlay") {
    std::filesystem::create_directory(folder() / "lab");
    write_source('s');
    std::ofstream(folder() / "lab/vmfleet.toml") << fmt::format(R"TOML(
fleet = "lab"
[machine.disk]
count = {}
accel = "tcg"
image = "tiny"
stop.grace = "5s"
disk = [{{ file = "a.img", mode = "{}" }}]
ready = {{ serial = "disk: saved" }}
[[machine.disk.inject]]
via = "initrd"
path = "/etc/profile"
text = """
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
[ -e /run/written ] || printf saved | dd of=/dev/vda bs=1 seek=4096 conv=notrunc 2>/dev/null
: >/run/written
echo "disk: $(dd if=/dev/vda bs=1 skip=4096 count=5 2>/dev/null)"
"""
)TOML",
                                                                mode == "direct" ? 1 : 2, mode);
  }

  /// The guest writes and tells something else whenever it boots, and forgets what it has written.
  void write_random_disks() const {
    std::ofstream(folder() / "lab/vmfleet.toml") << R"TOML(
fleet = "lab"
[machine.disk]
accel = "tcg"
image = "tiny"
disk = [{ file = "a.img", mode = "snapshot" }]
ready = { regex = "disk: .*!" }
[[machine.disk.inject]]
via = "initrd"
path = "/etc/profile"
text = """
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
[ -e /run/written ] || {
  text=$(head -c 100 /dev/urandom | tr -dc a-z | head -c 5)-----
  printf "%.5s" "$text" | dd of=/dev/vda bs=1 seek=1048576 conv=notrunc 2>/dev/null
  sync
  echo 3 >/proc/sys/vm/drop_caches
  echo "disk: $(echo "$text" | head -c 5)!"
}
: >/run/written
"""
)TOML";
  }
  /// As the guest that was cloned has told.
  [[nodiscard]] std::string told() const {
    const Ran logs = vmfleet("logs disk --raw");
    const auto begin = logs.out.find("disk: ");
    REQUIRE(begin != std::string::npos);
    return logs.out.substr(begin + 6, 5);
  }

  void write_source(char content) const {
    std::ofstream(folder() / "lab/a.img") << std::string(kDiskSize, content);
  }
  Ran vmfleet(const std::string& words) const {
    return shell(fmt::format("cd '{}' && vmfleet {}", (folder() / "lab").string(), words));
  }
  void require(const std::string& words) const {
    const Ran ran = vmfleet(words);
    INFO(words << "\n" << ran.out);
    REQUIRE(ran.code == 0);
  }
  [[nodiscard]] std::string read(const std::string& machine, std::size_t at) const {
    const Ran ran = vmfleet(fmt::format(
        "exec {} -- sh -c 'dd if=/dev/vda bs=1 skip={} count=5 2>/dev/null'", machine, at));
    INFO(ran.out);
    CHECK(ran.code == 0);
    return ran.out;
  }
  void write(const std::string& machine, std::size_t at, const std::string& text) const {
    require(
        fmt::format("exec {} -- sh -c 'printf {} | dd of=/dev/vda bs=1 seek={} conv=notrunc "
                    "2>/dev/null; sync'",
                    machine, text, at));
  }
  [[nodiscard]] std::string template_of(std::size_t index) const {
    const auto ps = document({"ps", "-p", "lab"});
    return std::string(test::machine(ps, index).text("template"));
  }
};

}  // namespace

TEST_CASE("clones have the disk as it was saved, and write to one of their own") {
  const DiskWorld world("overlay");
  world.require("up --clone --progress plain");
  REQUIRE(world.templates().size() == 1);
  CHECK(world.template_of(0) == world.templates().front().filename().string());
  CHECK(world.read("disk-0", 0) == "sssss");
  CHECK(world.read("disk-0", 4096) == "saved");
  CHECK(world.read("disk-1", 4096) == "saved");
  world.write("disk-0", 8192, "zero0");
  world.write("disk-1", 8192, "one-1");
  world.write("disk-0", 4096, "mine0");

  SECTION("also in later lives, without the template") {
    world.require("template rm --all");
    CHECK(world.read("disk-1", 65536) == "sssss");  // not read before: it comes from the file
    world.require("restart --progress plain disk-1");
    world.require("restart --progress plain disk-0");
    CHECK(world.template_of(1).empty());
    CHECK(world.read("disk-0", 8192) == "zero0");
    CHECK(world.read("disk-1", 8192) == "one-1");
    CHECK(world.read("disk-1", 0) == "sssss");
  }
  SECTION("and a machine that has one is booted") {
    world.require("stop disk-0");
    const Ran plan = world.vmfleet("up --clone --dry-run");
    CHECK_THAT(plan.out, ContainsSubstring("booted, not cloned: disk-0: it has a disk already"));
    const Ran up = world.vmfleet("up --clone --progress plain");
    INFO(up.out);
    CHECK(up.code == 0);
    CHECK_THAT(up.out, ContainsSubstring("booted, not cloned: it has a disk already"));
    CHECK(world.template_of(0).empty());
    CHECK(world.read("disk-0", 8192) == "zero0");
  }
  world.require("down");
  CHECK_FALSE(std::filesystem::exists(world.state() / "lab"));
}

TEST_CASE("copies and snapshots are cloned, too, and each is what it is") {
  const std::string mode = GENERATE("copy", "snapshot");
  const DiskWorld world(mode);
  world.require("up --clone --progress plain disk-0");
  REQUIRE(world.template_of(0) == world.templates().front().filename().string());
  CHECK(world.read("disk-0", 4096) == "saved");
  CHECK(world.read("disk-0", 65536) == "sssss");
  world.write("disk-0", 8192, "zero0");
  world.require("template rm --all");
  world.require("restart --progress plain");
  CHECK(world.read("disk-0", 8192) == (mode == "copy" ? "zero0" : "sssss"));
  world.require("down");
}

TEST_CASE("a changed source makes another template") {
  const DiskWorld world;
  world.require("up --clone --progress plain disk-0");
  world.require("down");
  world.require("up --clone --progress plain disk-0");
  CHECK(world.templates().size() == 1);
  world.require("down");
  world.write_source('t');
  world.require("up --clone --progress plain disk-0");
  CHECK(world.templates().size() == 2);
  CHECK(world.read("disk-0", 0) == "ttttt");
  CHECK(world.read("disk-0", 4096) == "saved");
  world.require("down");
}

TEST_CASE("a machine that writes to its user's file is booted, with the reason") {
  const DiskWorld world("direct");
  const Ran up = world.vmfleet("up --clone --progress plain");
  INFO(up.out);
  CHECK(up.code == 0);
  CHECK_THAT(up.out, ContainsSubstring("booted, not cloned: it writes to"));
  CHECK_THAT(up.out, ContainsSubstring("a.img itself"));
  CHECK(world.templates().empty());
  world.require("down");
}

TEST_CASE("a snapshot of a clone is restored with the disks of its own template") {
  const DiskWorld world;
  world.write_random_disks();
  world.require("up --clone --progress plain");
  const std::string first = world.told();
  world.require("snapshot disk clean");
  world.require("stop --grace 0ms");
  world.require("template rm --all");
  world.require("up --clone --progress plain");
  REQUIRE(world.told() != first);  // another template, of the same key
  REQUIRE(world.template_of(0) == world.templates().front().filename().string());
  world.require("restore disk clean");
  CHECK(world.told() == first);
  CHECK(world.read("disk", 1048576) == first);
  world.require("down");
}

TEST_CASE("a template may be on another file system than the machines") {
  const std::filesystem::path memory = "/dev/shm";
  if (!std::filesystem::is_directory(memory)) return;
  const TemporaryFolder made(memory / "vmfleet-test-");
  const std::filesystem::path& other = made.path();
  DiskWorld world;
  std::filesystem::create_directories(other / "vmfleet");
  std::filesystem::create_directory_symlink(world.folder() / "clones/vmfleet/images",
                                            other / "vmfleet/images");
  world.environment["XDG_CACHE_HOME"] = other.string();
  world.require("up --clone --progress plain disk-0");
  CHECK_FALSE(world.template_of(0).empty());
  world.require("template rm --all");
  CHECK(world.read("disk-0", 4096) == "saved");
  CHECK(world.read("disk-0", 65536) == "sssss");
  world.require("down");
}
