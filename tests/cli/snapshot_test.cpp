// SPDX-License-Identifier: MIT
// vmfleet snapshot and restore: what is set back, what is refused, and what is left by a kill.
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>
#include <vmfleet/testkit/guests.hpp>

#include "tests/cli/program.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using test::Ran;
using test::up_with;
using test::Vmfleet;

namespace {

/// vm-0, which counts on its console.
struct CountingWorld : Vmfleet {
  explicit CountingWorld(const test::Words& more = {}) {
    const Ran up = run(up_with("count", more));
    INFO(up.err);
    REQUIRE(up.code == 0);
  }
  void wait_for(unsigned count) const {
    const std::string text = fmt::format("serial=count {:08}", count);
    const Ran waited = run({"wait", "vm-0", "--for", text, "--timeout", "60s"});
    INFO(waited.err);
    REQUIRE(waited.code == 0);
  }
  [[nodiscard]] std::filesystem::path machine() const { return state() / "default/vm-0"; }
  /// All that it has counted to in the log, which has no gap: the guest knows of nothing.
  [[nodiscard]] unsigned counted() const {
    std::istringstream log(run({"logs", "vm-0", "--raw"}).out);
    unsigned next = 0;
    for (std::string line; std::getline(log, line);) {
      if (line.rfind("count ", 0) != 0 || line.size() < 14 || log.eof()) continue;
      CHECK(line.substr(0, 14) == fmt::format("count {:08}", next));
      ++next;
    }
    return next;
  }
  void require(const test::Words& words) const {
    const Ran ran = run(words);
    INFO(join(words, " ") << "\n" << ran.err);
    REQUIRE(ran.code == 0);
  }
  [[nodiscard]] json::Value vm() const { return test::machine(document({"ps"}), 0); }
};

}  // namespace

TEST_CASE("a machine is set back to its snapshot, as often as one likes") {
  const CountingWorld world({"--forward", "ssh:22"});
  world.wait_for(5);
  world.require({"snapshot", "vm-0", "clean"});
  const json::Value before = world.vm();
  CHECK(before.texts("snapshots") == std::vector<std::string>{"clean"});
  CHECK(before.text("state") == "ready");
  for (int i = 0; i < 2; ++i) {
    const unsigned reached = world.counted() + 50;
    world.wait_for(reached);  // it runs on after the snapshot, and after each restore
    world.require({"restore", "vm-0", "clean"});
    const json::Value after = world.vm();
    CHECK(after.text("state") == "ready");
    CHECK(after.text("uuid") == before.text("uuid"));
    CHECK(after["ports"] == before["ports"]);
    CHECK(after["pid"] != before["pid"]);
    CHECK(world.run({"wait", "vm-0", "--for", "serial=guest ready"}).code == 0);
  }
  world.require({"stop", "--grace", "0ms"});
  world.require({"restore", "vm-0", "clean"});  // nothing runs
  world.wait_for(world.counted() + 5);
  world.require({"restart", "--grace", "0ms"});
  CHECK(world.vm().texts("snapshots") == std::vector<std::string>{"clean"});
  const json::Value restored = world.document({"restore", "vm-*", "clean"});
  CHECK(restored.integer("elapsed_ms", 0) > 0);
  CHECK(world.vm()["ports"] == before["ports"]);
  world.require({"down"});
  CHECK_FALSE(std::filesystem::exists(world.machine()));
}

TEST_CASE("a machine that is paused is paused when it is restored") {
  const CountingWorld world;
  world.require({"pause", "vm-0"});
  const unsigned reached = world.counted();
  world.require({"snapshot", "vm-0", "still"});
  CHECK(world.vm().text("state") == "paused");
  world.require({"resume", "vm-0"});
  world.wait_for(reached + 20);
  world.require({"restore", "vm-0", "still"});
  CHECK(world.vm().text("state") == "paused");
  CHECK(world.counted() == reached);
  world.require({"resume", "vm-0"});
  world.wait_for(reached + 20);
  CHECK(world.counted() >= reached + 20);
}

TEST_CASE("snapshots are listed, replaced when asked, and removed") {
  const CountingWorld world;
  world.wait_for(1);
  world.require({"snapshot", "vm-0", "one"});
  const Ran again = world.run({"snapshot", "vm-0", "one"});
  CHECK(again.code == 5);
  CHECK_THAT(again.err, ContainsSubstring("has a snapshot 'one' already"));
  CHECK_THAT(again.err, ContainsSubstring("--force"));
  world.wait_for(world.counted() + 50);
  const unsigned reached = world.counted();
  world.require({"snapshot", "vm-0", "one", "--force"});
  world.require({"snapshot", "vm-0", "two.b-c"});
  const auto list = world.document({"snapshot", "vm-0"});
  const json::Value& snapshots = test::machine(list, 0)["snapshots"];
  REQUIRE(snapshots.as_array()->size() == 2);
  CHECK((*snapshots.as_array())[0].text("tag") == "one");
  CHECK((*snapshots.as_array())[0].integer("bytes", 0) > 0);
  CHECK_THAT(world.run({"snapshot", "vm-0"}).out, ContainsSubstring("two.b-c"));
  world.require({"restore", "vm-0", "one"});
  CHECK(world.counted() >= reached);
  world.require({"snapshot", "vm-0", "one", "--rm"});
  world.require({"snapshot", "vm-0", "two.b-c", "--rm"});
  CHECK(world.vm()["snapshots"].is_null());
  CHECK_FALSE(std::filesystem::exists(world.machine() / "snapshots"));
}

TEST_CASE("what is no snapshot, or cannot be one, is refused with the reason") {
  const CountingWorld world;
  CHECK(world.run({"snapshot", "vm-7", "clean"}).code == 4);
  CHECK(world.run({"restore", "vm-7", "clean"}).code == 4);
  const Ran none = world.run({"restore", "vm-0", "clean"});
  CHECK(none.code == 4);
  CHECK_THAT(none.err, ContainsSubstring("vm-0 has no snapshot 'clean'"));
  for (const std::string tag : {"../clean", "a/b", ".", "..", ".hidden", "a b"}) {
    const Ran path = world.run({"snapshot", "vm-0", "--", tag});
    INFO(tag);
    CHECK(path.code == 2);
    CHECK_THAT(path.err, ContainsSubstring("cannot be the tag of a snapshot"));
    CHECK(world.run({"restore", "vm-0", "--", tag}).code == 2);
  }
  CHECK(world.run({"snapshot", "vm-0", "--rm"}).code == 2);
  world.require({"snapshot", "vm-0", "clean"});
  const Ran other = world.run({"restore", "vm-0", "cleaner"});
  CHECK(other.code == 4);
  CHECK_THAT(other.err, ContainsSubstring("it has: clean"));
  world.require({"stop", "--grace", "0ms"});
  const Ran ended = world.run({"snapshot", "vm-0", "late"});
  CHECK(ended.code == 7);
  CHECK_THAT(ended.err, ContainsSubstring("does not run"));
}

TEST_CASE("a disk that is the user's own cannot be set back") {
  const Vmfleet world;
  std::ofstream(world.folder() / "disk.img") << std::string(1 << 20, 'd');
  std::ofstream(world.folder() / "vmfleet.toml")
      << "fleet = \"lab\"\n[machine.web]\naccel = \"tcg\"\nmemory = \"32M\"\nkernel = \""
      << testkit::guest_path("echo").string()
      << "\"\ndisk = [{ file = \"disk.img\", mode = \"direct\" }]\n"
      << "ready.serial = \"guest ready\"\n";
  const std::string here = "cd '" + world.folder().string() + "' && vmfleet ";
  const Ran up = world.shell(here + "up --progress none");
  INFO(up.out);
  REQUIRE(up.code == 0);
  const Ran refused = world.shell(here + "snapshot web clean");
  CHECK(refused.code == 1);
  CHECK_THAT(refused.out, ContainsSubstring("disk.img itself"));
  CHECK_THAT(refused.out, ContainsSubstring("\"overlay\""));
  CHECK(world.shell(here + "ps").out.find("ready") != std::string::npos);
  CHECK(world.shell(here + "down").code == 0);
}

TEST_CASE("another configuration is not taken for the same machine") {
  const CountingWorld world;
  world.require({"snapshot", "vm-0", "clean"});
  world.require({"up", "--recreate", "--kernel", testkit::guest_path("count").string(), "--accel",
                 "tcg", "--memory", "48M", "--ready", "serial=guest ready"});
  const Ran other = world.run({"restore", "vm-0", "clean"});
  CHECK(other.code == 5);
  CHECK_THAT(other.err, ContainsSubstring("the configuration of vm-0 changed since"));
  CHECK_THAT(other.err, ContainsSubstring("it had -m"));
  CHECK_THAT(other.err, ContainsSubstring("it has -m 48M"));
  CHECK(world.vm().text("state") == "ready");  // and runs on
  world.require(up_with("count", {"--recreate"}));
  world.require({"restore", "vm-0", "clean"});
}

TEST_CASE("another QEMU is not given what one has saved") {
  const Vmfleet world;
  const auto bin = world.folder() / "bin";
  std::filesystem::create_directory(bin);
  const auto wrapper = bin / "qemu-system-x86_64";
  std::ofstream(wrapper) << "#!/bin/sh\nexec /usr/bin/qemu-system-x86_64 \"$@\"\n";
  std::filesystem::permissions(wrapper, std::filesystem::perms::owner_all);
  REQUIRE(world.run(up_with("echo", {"--qemu", bin.string()})).code == 0);
  REQUIRE(world.run({"snapshot", "vm-0", "clean"}).code == 0);
  REQUIRE(world.run({"restore", "vm-0", "clean"}).code == 0);
  std::ofstream(wrapper, std::ios::app) << "# upgraded\n";
  const Ran other = world.run({"restore", "vm-0", "clean"});
  CHECK(other.code == 5);
  CHECK_THAT(other.err, ContainsSubstring("another build of it now"));
  CHECK_THAT(world.run({"ps"}).out, ContainsSubstring("ready"));
}

TEST_CASE("a QEMU that was upgraded while it runs is not kept for the new one") {
  const Vmfleet world;
  const auto bin = world.folder() / "usr/bin";
  std::filesystem::create_directories(bin);
  for (const char* name : {"lib", "share"}) {  // it looks for its own things beside itself
    std::filesystem::create_directory_symlink(std::filesystem::path("/usr") / name,
                                              world.folder() / "usr" / name);
  }
  const auto qemu = bin / "qemu-system-x86_64";
  std::filesystem::copy_file("/usr/bin/qemu-system-x86_64", qemu);
  const Ran up = world.run(up_with("echo", {"--qemu", bin.string()}));
  INFO(up.err);
  REQUIRE(up.code == 0);
  std::filesystem::copy_file(qemu, bin / "new");
  std::filesystem::rename(bin / "new", qemu);
  const Ran other = world.run({"snapshot", "vm-0", "clean"});
  CHECK(other.code == 5);
  CHECK_THAT(other.err, ContainsSubstring("another build by now"));
  CHECK(world.run({"restart", "--grace", "0ms"}).code == 0);
  CHECK(world.run({"snapshot", "vm-0", "clean"}).code == 0);
}

TEST_CASE("a machine that is paused can be kept again, as long as the first snapshot is there") {
  const CountingWorld world;
  world.require({"pause", "vm-0"});
  const unsigned reached = world.counted();
  world.require({"snapshot", "vm-0", "one"});
  world.require({"snapshot", "vm-0", "two"});
  world.require({"snapshot", "vm-0", "one", "--rm"});
  world.require({"snapshot", "vm-0", "three"});
  world.require({"snapshot", "vm-0", "two", "--rm"});
  world.require({"resume", "vm-0"});
  world.wait_for(reached + 20);
  world.require({"pause", "vm-0"});
  const unsigned later = world.counted();
  world.require({"snapshot", "vm-0", "later"});
  world.require({"snapshot", "vm-0", "later", "--rm"});
  const Ran again = world.run({"snapshot", "vm-0", "latest"});
  CHECK(again.code == 1);
  CHECK_THAT(again.err, ContainsSubstring("since a snapshot that is gone"));
  CHECK(world.vm().texts("snapshots") == std::vector<std::string>{"three"});
  world.require({"resume", "vm-0"});
  world.wait_for(later + 3);
  world.require({"restore", "vm-0", "three"});
  CHECK(world.counted() == reached);
  world.require({"snapshot", "vm-0", "four"});  // of another life, which stands still there
  world.require({"restore", "vm-0", "four"});
  CHECK(world.counted() == reached);
}

TEST_CASE("a snapshot that is killed is none, and the machine goes on") {
  const CountingWorld world;
  world.wait_for(1);
  int whole = 0;
  for (int i = 0; i < 12; ++i) {
    const std::string tag = fmt::format("t{}", i);
    world.shell(fmt::format(
        "\"$PROGRAM\" snapshot vm-0 {} & s=$!; sleep 0.0{}; kill -9 $s; wait $s", tag, i * 7 % 10));
    const json::Value vm = world.vm();  // whoever looks lets it go on
    CHECK(vm.text("state") == "ready");
    const auto tags = vm.texts("snapshots");
    const bool is_there = !tags.empty() && tags.back() == tag;
    whole += is_there ? 1 : 0;
    if (is_there) {
      world.require({"restore", "vm-0", tag});
      world.require({"snapshot", "vm-0", tag, "--rm"});
    }
    world.wait_for(world.counted() + 3);
  }
  INFO(whole << " of 12 were whole");
  world.require({"snapshot", "vm-0", "last"});
  world.require({"restore", "vm-0", "last"});
  std::size_t entries = 0;
  for (const auto& entry : std::filesystem::directory_iterator(world.machine() / "snapshots")) {
    INFO(entry.path());
    ++entries;
  }
  CHECK(entries == 1);
}

namespace {

/// A snapshot that is stopped by a signal while it copies the disk, which takes some time.
struct StoppedSnapshot : Vmfleet {
  StoppedSnapshot() {
    const Ran made = shell("head -c 256M /dev/urandom >disk.img");
    REQUIRE(made.code == 0);
    std::ofstream(folder() / "vmfleet.toml")
        << "fleet = \"default\"\n[machine.vm-0]\naccel = \"tcg\"\nmemory = \"32M\"\nkernel = \""
        << testkit::guest_path("count").string()
        << "\"\ndisk = [{ file = \"disk.img\", mode = \"copy\" }]\n"
        << "ready.serial = \"guest ready\"\n";
    const Ran up = run({"up"});
    INFO(up.err);
    REQUIRE(up.code == 0);
  }

  /// What `then`, in which $s is the process, gives; and what the snapshot said.
  [[nodiscard]] Ran take(const std::string& then) const {
    const std::string copied = (snapshots() / ".new-*/disk0.raw.part").string();
    return shell(
        fmt::format("\"$PROGRAM\" snapshot vm-0 one & s=$!\n"
                    "while :; do for f in {}; do [ ! -e \"$f\" ] || break 2; done; done\n"
                    "kill -STOP $s\n{}",
                    copied, then));
  }
  [[nodiscard]] std::filesystem::path snapshots() const {
    return state() / "default/vm-0/snapshots";
  }
  [[nodiscard]] json::Value vm() const { return test::machine(document({"ps"}), 0); }
};

}  // namespace

TEST_CASE("a guest that somebody resumes while its disks are copied makes no snapshot") {
  const StoppedSnapshot world;
  const Ran refused = world.take("vmfleet resume vm-0 || exit 99; kill -CONT $s; wait $s");
  INFO(refused.out);
  CHECK(refused.code == 5);
  CHECK_THAT(refused.out, ContainsSubstring("vm-0 was resumed by somebody else"));
  CHECK(world.vm()["snapshots"].is_null());
  CHECK(world.vm().text("state") == "ready");
  CHECK(world.run({"snapshot", "vm-0", "one"}).code == 0);
}

TEST_CASE("the next command lets a guest go on that a killed snapshot has stopped") {
  const StoppedSnapshot world;
  const std::string next = GENERATE("ps", "wait vm-0", "snapshot vm-0 two");
  const Ran killed = world.take("kill -9 $s; wait $s; vmfleet " + next);
  INFO(killed.out);
  CHECK(killed.code == 0);
  CHECK(world.vm().text("state") == "ready");
  for (const auto& entry : std::filesystem::directory_iterator(world.snapshots())) {
    CHECK(entry.path().filename() == "two");
  }
}

TEST_CASE("what a killed snapshot has left of an ended machine is collected") {
  const CountingWorld world;
  world.require({"stop", "--grace", "0ms"});
  const auto left = world.machine() / "snapshots/.new-abcdef";
  std::filesystem::create_directories(left);
  std::ofstream(left / "machine") << "memory";
  world.require({"gc"});
  CHECK_FALSE(std::filesystem::exists(left));
}

TEST_CASE("a machine whose kernel is gone is not ended to be restored") {
  const Vmfleet world;
  const auto kernel = world.folder() / "kernel";
  std::filesystem::copy_file(testkit::guest_path("echo"), kernel);
  const Ran up = world.run({"up", "--kernel", kernel.string(), "--accel", "tcg", "--memory", "32M",
                            "--ready", "serial=guest ready"});
  INFO(up.err);
  REQUIRE(up.code == 0);
  REQUIRE(world.run({"snapshot", "vm-0", "clean"}).code == 0);
  const json::Value before = test::machine(world.document({"ps"}), 0);
  std::filesystem::rename(kernel, world.folder() / "moved");
  const Ran refused = world.run({"restore", "vm-0", "clean"});
  CHECK(refused.code == 5);
  CHECK_THAT(refused.err, ContainsSubstring("is gone, which vm-0 was started with"));
  CHECK(test::machine(world.document({"ps"}), 0)["pid"] == before["pid"]);
  std::filesystem::rename(world.folder() / "moved", kernel);
  CHECK(world.run({"restore", "vm-0", "clean"}).code == 0);
}

TEST_CASE("a machine whose record was lost has that of its snapshot again") {
  const CountingWorld world;
  world.require({"snapshot", "vm-0", "clean"});
  std::ofstream(world.machine() / "intent.json") << "damaged";
  world.run({"ps"});  // what QEMU tells of it
  CHECK(world.run({"restart", "--grace", "0ms"}).code != 0);
  world.require({"restore", "vm-0", "clean"});
  world.require({"restart", "--grace", "0ms"});
}

TEST_CASE("a restore that is killed leaves one machine or none, and can be repeated") {
  const CountingWorld world;
  world.wait_for(1);
  world.require({"snapshot", "vm-0", "clean"});
  for (int i = 0; i < 12; ++i) {
    world.shell(
        fmt::format("\"$PROGRAM\" restore vm-0 clean & s=$!; sleep 0.{:02}; kill -9 $s; "
                    "wait $s",
                    i * 2));
    const std::string state(world.vm().text("state"));
    INFO(state);
    world.require({"restore", "vm-0", "clean"});
    world.wait_for(world.counted() + 3);
  }
  world.require({"down"});
}
