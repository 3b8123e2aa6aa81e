// SPDX-License-Identifier: MIT
// vmfleet snapshot and restore of Linux guests: disks, clocks, random numbers, clones.
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <set>

#include <fmt/format.h>

#include "tests/cli/clone_world.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using test::CloneWorld;
using test::Ran;

namespace {

/// vm-0 with a disk, and an agent.
struct TinyWorld : CloneWorld {
  explicit TinyWorld(const std::string& how = "--cold") {
    std::ofstream(folder() / "a.img") << std::string(4 << 20, 's');
    require({"up", "--accel", "tcg", how, "--disk", (folder() / "a.img").string(), "--image",
             "tiny", "--ready", "serial=guest ready", "--ready", "agent"});
  }
  void require(const test::Words& words) const {
    const Ran ran = run(words);
    INFO(words.front() << "\n" << ran.err);
    REQUIRE(ran.code == 0);
  }
  void do_in_guest(const std::string& script) const {
    require({"exec", "vm-0", "--", "sh", "-c", script});
  }
  [[nodiscard]] std::string read_disk() const {
    return in_guest("vm-0", "dd if=/dev/vda bs=1 skip=8192 count=5 2>/dev/null");
  }
  void write_disk(const std::string& text) const {
    do_in_guest(fmt::format(
        "printf {} | dd of=/dev/vda bs=1 seek=8192 conv=notrunc 2>/dev/null; sync", text));
  }
  void check_clock() const {
    const std::time_t before = std::time(nullptr);
    const std::time_t there = std::atol(in_guest("vm-0", "date +%s").c_str());
    CHECK(there >= before - 1);
    CHECK(there <= std::time(nullptr) + 1);
  }
};

}  // namespace

TEST_CASE("memory and disks of a guest are set back, and its moment is now") {
  const std::string how = GENERATE("--cold", "--clone");
  const TinyWorld world(how);
  world.do_in_guest("echo one >/root/file; cat /root/file /root/file >/dev/null");
  world.write_disk("clean");
  world.require({"snapshot", "vm-0", "clean"});
  CHECK(world.read_disk() == "clean");
  if (how == "--clone") world.require({"template", "rm", "--all"});
  const std::string random = "head -c 32 /dev/urandom | od -An -tx1";
  std::set<std::string> drawn{world.in_guest("vm-0", random)};
  for (int i = 0; i < 2; ++i) {
    world.do_in_guest("echo two >/root/file; date -s @1000000 >/dev/null");
    world.write_disk("dirty");
    const Ran restored = world.run({"restore", "vm-0", "clean"});
    INFO(restored.err);
    REQUIRE(restored.code == 0);
    CHECK(restored.err.empty());
    CHECK(world.in_guest("vm-0", "cat /root/file") == "one\n");
    CHECK(world.read_disk() == "clean");
    CHECK(world.in_guest("vm-0", "dd if=/dev/vda bs=1 skip=65536 count=5 2>/dev/null") == "sssss");
    CHECK(world.in_guest("vm-0", "hostname") == "vm-0\n");
    world.check_clock();
    drawn.insert(world.in_guest("vm-0", random));
  }
  CHECK(drawn.size() == 3);
  CHECK(world.run({"ssh", "vm-0", "--", "true"}).code == 0);
  // Its disk is the machine's own, in later lives too.
  world.write_disk("later");
  world.require({"restart", "vm-0"});
  CHECK(world.read_disk() == "later");
  world.require({"restore", "vm-0", "clean"});
  CHECK(world.read_disk() == "clean");
  world.require({"down"});
}

TEST_CASE("a guest that is only just ready is kept with its agent") {
  const CloneWorld world;
  REQUIRE(world.run({"up", "--accel", "tcg", "-n", "1"}).code == 0);
  REQUIRE(world.run({"snapshot", "vm-0", "clean"}).code == 0);
  const Ran restored = world.run({"restore", "vm-0", "clean"});
  CHECK(restored.code == 0);
  CHECK(restored.err.empty());  // its moment is now
  CHECK(world.run({"down"}).code == 0);
}

TEST_CASE("an overlay is not put back over another file") {
  const TinyWorld world;
  world.require({"snapshot", "vm-0", "clean"});
  std::ofstream(world.folder() / "a.img") << std::string(4 << 20, 't');
  const Ran changed = world.run({"restore", "vm-0", "clean"});
  CHECK(changed.code == 5);
  CHECK_THAT(changed.err, ContainsSubstring("a.img, which disk0.qcow2 is an overlay of, changed"));
  CHECK(world.in_guest("vm-0", "hostname") == "vm-0\n");  // it runs on
  world.require({"down"});
}

TEST_CASE("a guest that does not answer when it was restored holds up nobody") {
  const TinyWorld world;
  world.do_in_guest(
      "(sleep 2; killall -STOP qemu-ga; echo agent stopped >/dev/console) "
      "</dev/null >/dev/null 2>&1 &");
  world.require({"wait", "vm-0", "--for", "serial=agent stopped", "--timeout", "60s"});
  world.require({"snapshot", "vm-0", "clean"});
  const Ran killed = world.shell(
      "\"$PROGRAM\" -v restore vm-0 clean >steps 2>&1 & r=$!\n"
      "until grep renewing steps; do sleep 0.1; done\n"
      "vmfleet kill vm-0 || exit 99; wait $r; code=$?; cat steps; exit $code");
  INFO(killed.out);
  CHECK(killed.code == 7);
  CHECK_THAT(killed.out, ContainsSubstring("ended meanwhile"));
}

TEST_CASE("a guest that a killed snapshot has stopped is asked to shut down") {
  const TinyWorld world;
  world.require({"pause", "vm-0"});
  const auto begun = world.state() / "default/vm-0/snapshots/.new-abcdef";
  std::filesystem::create_directories(begun);
  std::ofstream(begun / "stopped").flush();
  world.require({"stop", "--grace", "30s"});
  const auto ps = world.document({"ps"});
  CHECK(test::machine(ps, 0)["exit"].text("kind") == "guest-shutdown");
}
