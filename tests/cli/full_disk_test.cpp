// SPDX-License-Identifier: MIT
// A state directory on a disk without room, at first and later.
#include <cstdlib>

#include <fmt/format.h>

#include <vmfleet/testkit/guests.hpp>

#include "tests/cli/program.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using test::Ran;
using test::Vmfleet;

namespace {

/// Shell lines in which the state directory is a file system of that many KiB, in a namespace of
/// its own that ends with them.
class SmallDisk {
 public:
  explicit SmallDisk(const Vmfleet& world) : world_(world) {
    for (const char* unshare : {"unshare -m", "unshare -rm"}) {
      const std::string probe = fmt::format("{} mount -t tmpfs none state", unshare);
      if (world_.shell("mkdir -p state && " + probe).code != 0) continue;
      unshare_ = unshare;
      return;
    }
    WARN("no file systems can be mounted here");
  }
  [[nodiscard]] bool possible() const { return !unshare_.empty(); }

  Ran shell(std::size_t kibi, const std::string& lines) const {
    const std::string script = fmt::format(
        "mount -t tmpfs -o size={}k,mode=0700 none \"$VMFLEET_STATE_DIR\" || exit 99\n"
        "vmfleet() {{ \"$PROGRAM\" --progress none \"$@\"; }}\n"
        "exec 2>&1\n{}\n",
        kibi, lines);
    return world_.shell(fmt::format("cat >script <<'END'\n{}END\nexport PROGRAM\nexec {} sh script",
                                    script, unshare_));
  }

 private:
  const Vmfleet& world_;
  std::string unshare_;
};

/// Machines `first`, which fits, and `second` with a copy of 16 MiB, which does not.
void write_fleet(const Vmfleet& world, const std::string& guest, const std::string& more = "") {
  const std::string text = fmt::format(
      "fleet = \"demo\"\n[defaults]\nkernel = \"{}\"\naccel = \"tcg\"\nmemory = \"32M\"\n{}\n"
      "[machine.first]\nready.serial = \"guest ready\"\n"
      "[machine.second]\n[[machine.second.disk]]\nfile = \"disk.img\"\nmode = \"copy\"\n",
      testkit::guest_path(guest).string(), more);
  const Ran made = world.shell(fmt::format(
      "cat >vmfleet.toml <<'END'\n{}END\nhead -c 16777216 /dev/urandom >disk.img", text));
  REQUIRE(made.code == 0);
}

}  // namespace

TEST_CASE("a disk that has no room for a machine is an error, and leaves the others running") {
  const Vmfleet world;
  const SmallDisk disk(world);
  if (!disk.possible()) return;
  write_fleet(world, "echo");
  for (const std::size_t kibi : {256U, 512U, 1024U, 3072U, 8192U}) {
    const Ran ran =
        disk.shell(kibi,
                   "vmfleet up first || exit 1\n"
                   "vmfleet up second; echo \"up: $?\"\n"
                   "ls -A \"$VMFLEET_STATE_DIR/demo/second\" 2>/dev/null | sed 's/^/left: /'\n"
                   "vmfleet send first hello && vmfleet wait first --for serial=hello "
                   "--timeout 60s && echo lives\n"
                   "vmfleet ps\n"
                   "vmfleet down --grace 0ms && ls -A \"$VMFLEET_STATE_DIR\"\n"
                   "echo \"end: $?\"\n");
    INFO(kibi << " KiB:\n" << ran.out);
    CHECK(ran.code == 0);
    CHECK_THAT(ran.out, ContainsSubstring("MiB of disk in"));
    CHECK_THAT(ran.out, ContainsSubstring("up: 8"));
    CHECK_THAT(ran.out, !ContainsSubstring("left: disk0"));
    CHECK_THAT(ran.out, ContainsSubstring("lives"));
    CHECK_THAT(ran.out, ContainsSubstring("end: 0"));
  }
}

TEST_CASE("a machine that could not be started again for want of room is not stopped") {
  const Vmfleet world;
  const SmallDisk disk(world);
  if (!disk.possible()) return;
  write_fleet(world, "echo");
  const Ran ran = disk.shell(2048,
                             "vmfleet up first || exit 1\n"
                             "cat /dev/zero >\"$VMFLEET_STATE_DIR/fill\" 2>/dev/null\n"
                             "vmfleet restart --grace 0ms; echo \"restart: $?\"\n"
                             "vmfleet ps\n"
                             "rm \"$VMFLEET_STATE_DIR/fill\"\n"
                             "vmfleet send first hello && vmfleet wait first --for serial=hello "
                             "--timeout 60s && echo lives\n"
                             "vmfleet restart --grace 0ms; echo \"again: $?\"\n"
                             "vmfleet down --grace 0ms\n");
  INFO(ran.out);
  CHECK_THAT(ran.out, ContainsSubstring("of disk in"));
  CHECK_THAT(ran.out, ContainsSubstring("restart: 8"));
  CHECK_THAT(ran.out, ContainsSubstring("lives"));
  CHECK_THAT(ran.out, ContainsSubstring("again: 0"));
}

TEST_CASE("a state directory that is read-only makes the host unfit") {
  const Vmfleet world;
  const SmallDisk disk(world);
  if (!disk.possible()) return;
  write_fleet(world, "echo");
  const Ran ran = disk.shell(256,
                             "mount -o remount,ro \"$VMFLEET_STATE_DIR\"\n"
                             "vmfleet up first; echo \"up: $?\"\n");
  INFO(ran.out);
  CHECK_THAT(ran.out, ContainsSubstring("Read-only file system"));
  CHECK_THAT(ran.out, ContainsSubstring("up: 8"));
}

TEST_CASE("a disk that has no room for records is an error that says so") {
  const Vmfleet world;
  const SmallDisk disk(world);
  if (!disk.possible()) return;
  write_fleet(world, "echo");
  for (const std::size_t kibi : {4U, 8U, 16U, 24U, 32U, 40U, 48U}) {
    const Ran ran = disk.shell(kibi,
                               "vmfleet up first; echo \"up: $?\"\n"
                               "vmfleet ps; echo \"ps: $?\"\n"
                               "vmfleet down --grace 0ms; echo \"down: $?\"\n"
                               "ls -A \"$VMFLEET_STATE_DIR\" | wc -l\n");
    INFO(kibi << " KiB:\n" << ran.out);
    if (kibi == 4) {
      CHECK_THAT(ran.out, ContainsSubstring("1 machine needs 17 KiB of disk in"));
      CHECK_THAT(ran.out, !ContainsSubstring("overlay"));
    }
    const bool fits = ran.out.find("up: 0") != std::string::npos;
    const bool begun = ran.out.find("of disk in") == std::string::npos;
    if (!fits && begun) {
      CHECK_THAT(ran.out, ContainsSubstring("No space left on device"));
      CHECK_THAT(ran.out, ContainsSubstring("hint: free some space in"));
    }
    CHECK_THAT(ran.out, ContainsSubstring("ps: 0"));
    CHECK_THAT(ran.out, ContainsSubstring("down: 0"));
    CHECK_THAT(ran.out, !ContainsSubstring("pid "));
  }
}

TEST_CASE("what a guest printed while the disk was full is told to be missing") {
  const Vmfleet world;
  const SmallDisk disk(world);
  if (!disk.possible()) return;
  write_fleet(world, "count", "append = [\"-- 1\"]");
  const Ran ran = disk.shell(
      1024,
      "vmfleet up first || exit 1\n"
      "log=\"$VMFLEET_STATE_DIR/demo/first/serial.log\"\n"
      "cat /dev/zero >\"$VMFLEET_STATE_DIR/fill\" 2>/dev/null\n"
      // The last place in the log's last block: nothing fits any more.
      "until vmfleet ps 2>&1 | grep -q 'the disk was full'; do :; done\n"
      "full=$(stat -c %s \"$log\")\n"
      "rm \"$VMFLEET_STATE_DIR/fill\"\n"
      "until [ $(stat -c %s \"$log\") -gt $((full + 20000)) ]; do vmfleet ps >/dev/null; done\n"
      "vmfleet ps --json\n"
      "vmfleet logs first | tail -1\n"
      "vmfleet logs first 2>&1 >/dev/null\n"
      "vmfleet inspect first --state --json | tr -d '\\n '\n"
      "vmfleet down --grace 0ms; echo \"down: $?\"\n");
  INFO(ran.out);
  REQUIRE(ran.code == 0);
  CHECK_THAT(ran.out, ContainsSubstring("\"warnings\""));
  CHECK_THAT(ran.out, ContainsSubstring("first: the disk was full after byte "));
  CHECK_THAT(ran.out, ContainsSubstring("\"disk_full\":[{\"offset\":"));
  CHECK_THAT(ran.out, ContainsSubstring("down: 0"));
}

TEST_CASE("a snapshot that finds no room is none, and the machine goes on") {
  const Vmfleet world;
  const SmallDisk disk(world);
  if (!disk.possible()) return;
  write_fleet(world, "echo");
  const Ran ran =
      disk.shell(16384,
                 "vmfleet up first || exit 1\n"
                 "dd if=/dev/zero of=\"$VMFLEET_STATE_DIR/fill\" bs=4096 2>/dev/null\n"
                 "vmfleet snapshot first clean; echo full=$?\n"
                 "vmfleet ps; ls \"$VMFLEET_STATE_DIR/demo/first/snapshots\"\n"
                 "rm \"$VMFLEET_STATE_DIR/fill\"\n"
                 "vmfleet snapshot first clean && vmfleet restore first clean; echo room=$?\n"
                 "vmfleet down first; echo down=$?\n");
  INFO(ran.out);
  CHECK_THAT(ran.out, ContainsSubstring("No space left on device"));
  CHECK_THAT(ran.out, ContainsSubstring("full=1"));
  CHECK_THAT(ran.out, ContainsSubstring("ready"));
  CHECK_THAT(ran.out, !ContainsSubstring("paused"));
  CHECK_THAT(ran.out, ContainsSubstring("room=0"));
  CHECK_THAT(ran.out, ContainsSubstring("down=0"));
}

TEST_CASE("a machine that could not be restored for want of room runs on") {
  const Vmfleet world;
  const SmallDisk disk(world);
  if (!disk.possible()) return;
  const Ran ran =
      disk.shell(65536, fmt::format("vmfleet up --kernel {} --accel tcg --memory 32M || exit 1\n"
                                    "vmfleet snapshot vm-0 clean || exit 2\n"
                                    "dd if=/dev/zero of=$VMFLEET_STATE_DIR/fill bs=64k\n"
                                    "vmfleet restore vm-0 clean; echo code $?\n"
                                    "vmfleet ps\n"
                                    "rm $VMFLEET_STATE_DIR/fill\n"
                                    "vmfleet restore vm-0 clean && vmfleet down && echo done\n",
                                    testkit::guest_path("echo").string()));
  INFO(ran.out);
  CHECK(ran.code == 0);
  CHECK_THAT(ran.out, ContainsSubstring("restore vm-0: No space left on device"));
  CHECK_THAT(ran.out, ContainsSubstring("code 1\n"));
  CHECK_THAT(ran.out, ContainsSubstring("vm-0  running"));
  CHECK_THAT(ran.out, ContainsSubstring("done\n"));
}
