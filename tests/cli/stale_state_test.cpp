// SPDX-License-Identifier: MIT
// State directories that lie: numbers of others' processes, another boot, links in the place of
// ours. And nothing in them is open to others.
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <iterator>
#include <thread>

#include <fmt/format.h>

#include <vmfleet/instance/intent.hpp>
#include <vmfleet/testkit/fake_qemu.hpp>
#include <vmfleet/testkit/guests.hpp>

#include "tests/cli/program.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

/// vm-0 of the fleet `demo`, on fake_qemu.
struct Stale : Vmfleet {
  Stale() { environment["VMFLEET_FLEET"] = "demo"; }

  Ran up(const Words& more = {}) const {
    Words words = {"up", "--qemu", testkit::fake_qemu_path().string(), "--forward", "ssh:22"};
    words.insert(words.end(), more.begin(), more.end());
    const Words all = up_with("marker", Words(words.begin() + 1, words.end()));
    return run(all);
  }
  [[nodiscard]] std::filesystem::path machine() const { return state() / "demo" / "vm-0"; }
  [[nodiscard]] json::Value seen() const {
    const auto ps = document({"ps"});
    REQUIRE(ps["machines"].as_array()->size() == 1);
    return ps["machines"].as_array()->front();
  }

  /// Ends its QEMU as the kernel does, and returns the number that it had.
  pid_t lose_qemu() const {
    const auto pid = static_cast<pid_t>(seen().integer("pid", 0));
    REQUIRE(pid > 1);
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);  // orphans come to this process
    return pid;
  }
  void write_everywhere(const std::string& text) const {
    for (const char* name : {"pid", "lock", "alive", "control.sock", "qmp.sock"}) {
      std::filesystem::remove(machine() / name);
      std::ofstream(machine() / name) << text << "\n";
    }
  }
};

/// A process that is nobody's business.
class Bystander {
 public:
  Bystander() : pid_(::fork()) {
    if (pid_ == 0) {
      for (;;) ::pause();
    }
  }
  /// Tries to get this number, as the kernel gives it when numbers have gone round.
  explicit Bystander(pid_t wanted) {
    constexpr int kTries = 200;
    for (int i = 0; i < kTries; ++i) {
      std::ofstream("/proc/sys/kernel/ns_last_pid") << wanted - 1;
      pid_ = ::fork();
      if (pid_ == 0) {
        for (;;) ::pause();
      }
      if (pid_ == wanted) return;
      end();
    }
    pid_ = -1;
  }
  Bystander(const Bystander&) = delete;
  Bystander& operator=(const Bystander&) = delete;
  ~Bystander() { end(); }

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] bool lives() const { return ::waitpid(pid_, nullptr, WNOHANG) == 0; }

 private:
  void end() const {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  pid_t pid_ = -1;
};

void require_untouched(const Stale& world, const Bystander& bystander) {
  CHECK(world.seen().text("state") == "crashed");
  CHECK(world.seen()["pid"].is_null());
  for (const Words& words : {Words{"stop"}, Words{"kill"}, Words{"rm", "vm-0"}, Words{"down"}}) {
    INFO(words.front());
    const Ran ran = world.run(words);
    INFO(ran.err);
    CHECK((ran.code == 0 || (words.front() == "down" && ran.code == 4)));
    CHECK(bystander.lives());
  }
  CHECK_FALSE(std::filesystem::exists(world.machine()));
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

/// A folder of somebody's, whose every name is one of ours.
class Victim {
 public:
  explicit Victim(std::filesystem::path path) : path_(std::move(path)) {
    std::filesystem::create_directory(path_);
    for (const char* name : kNames) std::ofstream(path_ / name) << "mine";
  }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] bool is_whole() const {
    for (const char* name : kNames) {
      if (text_of(path_ / name) != "mine") return false;
    }
    return true;
  }

 private:
  static constexpr const char* kNames[] = {"serial.log", "events.log", "qemu.err", "alive",
                                           "pid",        "entropy",    "inject0",  "notes"};
  std::filesystem::path path_;
};

}  // namespace

TEST_CASE("a number that a file contains is no reason to signal a process") {
  const Stale world;
  REQUIRE(world.up().code == 0);
  world.lose_qemu();
  const Bystander bystander;
  world.write_everywhere(std::to_string(bystander.pid()));
  require_untouched(world, bystander);
}

TEST_CASE("a process that got the number of a QEMU that ended is not taken for it") {
  const Stale world;
  REQUIRE(world.up().code == 0);
  const pid_t number = world.lose_qemu();
  const Bystander bystander(number);
  if (bystander.pid() != number) {
    WARN("nobody may choose numbers of processes here");
    return;
  }
  CHECK(text_of(world.machine() / "pid") == std::to_string(number) + "\n");
  require_untouched(world, bystander);
}

TEST_CASE("after the host was restarted machines start again with no other step") {
  const Stale world;
  REQUIRE(world.up().code == 0);
  world.lose_qemu();
  {
    const auto directory = InstanceDirectory::open(world.machine());
    auto intent = read_intent(directory);
    REQUIRE(intent);
    intent->boot_id = "11111111-2222-3333-4444-555555555555";
    write_intent(directory, *intent);
  }
  // Process 1 lives after every boot.
  for (const char* name : {"pid", "lock"}) std::ofstream(world.machine() / name) << "1\n";
  CHECK(std::filesystem::is_socket(world.machine() / "control.sock"));

  CHECK(world.seen().text("state") == "crashed");
  CHECK(world.seen()["exit"].text("kind") == "host-reboot");
  CHECK_THAT(world.run({"ps"}).err,
             ContainsSubstring("the host was restarted since these ran: vm-0"));
  const Ran up = world.up();
  INFO(up.err);
  CHECK(up.code == 0);
  CHECK(world.seen().text("state") == "ready");
  CHECK(world.run({"down"}).code == 0);
  CHECK(std::filesystem::is_empty(world.state()));
}

TEST_CASE("after the power failed machines with emptied records start again with no other step") {
  const Stale world;
  REQUIRE(world.up().code == 0);
  world.lose_qemu();
  const auto emptied =
      GENERATE(Words{"intent.json"}, Words{"state.json"}, Words{"intent.json", "state.json"});
  for (const auto& name : emptied) std::filesystem::resize_file(world.machine() / name, 0);
  std::ofstream(world.machine() / "pid") << "1\n";

  const Ran ps = world.run({"ps"});
  CHECK(ps.code == 9);
  CHECK_THAT(ps.err, ContainsSubstring("set aside as"));
  const bool looked = GENERATE(true, false);
  if (looked) CHECK(world.run({"ps"}).code == 0);
  const Ran up = world.up();
  INFO(up.err);
  CHECK(up.code == 0);
  CHECK(world.seen().text("state") == "ready");
  CHECK(world.run({"ps"}).err.empty());
  CHECK(world.run({"down"}).code == 0);
  CHECK(std::filesystem::is_empty(world.state()));
}

TEST_CASE("a QEMU that does not answer is told from one that is stopped") {
  Stale world;
  world.environment["FAKE_QEMU_SCRIPT"] = R"({"replies": {"query-status": {"never": true}}})";
  REQUIRE(world.up().code == 0);
  const Words ask = {"qmp", "vm-0", "query-status", "--timeout", "300ms"};
  const Ran silent = world.run(ask);
  CHECK(silent.code == 6);
  CHECK_THAT(silent.err, ContainsSubstring("is silent"));
  const auto pid = static_cast<pid_t>(world.seen().integer("pid", 0));
  ::kill(pid, SIGSTOP);
  const Ran stopped = world.run(ask);
  CHECK(stopped.code == 6);
  CHECK_THAT(stopped.err, ContainsSubstring("no greeting within 150 ms"));
  CHECK_THAT(stopped.err, ContainsSubstring("is stopped"));
  const Ran reset = world.run({"reset", "--timeout", "200ms"});
  CHECK(reset.code == 6);
  CHECK_THAT(reset.err, ContainsSubstring("no greeting within 100 ms"));
  // It accepts nobody; until its queue is full that cannot be seen.
  Ran refused;
  for (int i = 0; i < 40 && refused.err.find("queue of connections") == std::string::npos; ++i) {
    refused = world.run({"qmp", "vm-0", "query-status", "--timeout", "20ms"});
    CHECK(refused.code == 6);
  }
  CHECK_THAT(refused.err,
             ContainsSubstring(fmt::format("(pid {}) is stopped, and its queue", pid)));
  CHECK_THAT(refused.err, ContainsSubstring("kill -CONT"));
  // Looking at it, and ending it, need no answer of it.
  CHECK(world.seen().text("state") == "ready");
  CHECK_THAT(world.run({"ps"}).err, ContainsSubstring("is stopped by a signal"));
  CHECK_THAT(world.up().err, ContainsSubstring("is stopped by a signal"));
  CHECK(world.run({"kill"}).code == 0);
}

TEST_CASE("no name of a fleet or machine leads out of the state directory") {
  const Stale world;
  const Victim victim(world.folder() / "victim");
  std::filesystem::create_directories(world.state() / "demo");
  for (const std::string name :
       {"..", ".", "../victim", "a/../../victim", "/etc", "", "-x", "a\nb", "\x1b[31m", "{1..2}"}) {
    INFO(name);
    CHECK(world.up({"-p", name}).code == 2);
    CHECK(world.run({"down", "-p", name}).code == 2);
    const Ran rm = world.run({"rm", "--", name});
    CHECK((rm.code == 2 || rm.code == 4));
    CHECK(rm.err.find('\x1b') == std::string::npos);
  }
  CHECK(victim.is_whole());
}

TEST_CASE("links in the place of a fleet, a machine or a file of ours are not followed") {
  const Stale world;
  const Victim victim(world.folder() / "victim");
  const std::filesystem::path here = world.state();
  SECTION("a fleet") {
    std::filesystem::create_directory(here);
    std::filesystem::create_directory_symlink(world.folder(), here / "demo");
    CHECK(world.up({"-n", "1"}).code == 5);
    CHECK(world.run({"down", "victim"}).code != 0);
  }
  SECTION("a machine") {
    std::filesystem::create_directories(here / "demo");
    std::filesystem::create_directory_symlink(victim.path(), world.machine());
    CHECK(world.up().code == 5);
    world.run({"down"});
  }
  SECTION("files of a machine that has ended") {
    REQUIRE(world.up().code == 0);
    REQUIRE(world.run({"stop", "--grace", "0s"}).code == 0);
    for (const char* name : {"serial.log", "events.log", "qemu.err", "pid", "entropy"}) {
      std::filesystem::remove(world.machine() / name);
      std::filesystem::create_symlink(victim.path() / name, world.machine() / name);
    }
    const Ran up = world.up();
    INFO(up.err);
    CHECK(up.code == 0);
    CHECK(victim.is_whole());
    CHECK(world.run({"down", "--grace", "0s"}).code == 0);
  }
  SECTION("the file that says whether it lives") {
    REQUIRE(world.up().code == 0);
    REQUIRE(world.run({"stop", "--grace", "0s"}).code == 0);
    std::filesystem::remove(world.machine() / "alive");
    std::filesystem::create_symlink(victim.path() / "alive", world.machine() / "alive");
    for (const Words& words : {Words{"start"}, Words{"down"}}) {
      const Ran ran = world.run(words);
      CHECK(ran.code == 5);
      CHECK_THAT(ran.err, ContainsSubstring((world.machine() / "alive").string()));
      CHECK_THAT(ran.err, ContainsSubstring("move it away"));
    }
  }
  CHECK(victim.is_whole());
}

TEST_CASE("a QEMU whose `alive` was lost is neither started twice nor left behind") {
  const Stale world;
  REQUIRE(world.up().code == 0);
  const auto alive = world.machine() / "alive";
  const std::int64_t pid = world.seen().integer("pid", 0);
  std::filesystem::remove(alive);
  SECTION("removed") {}
  SECTION("replaced by a file") {
    std::ofstream(alive) << "";
  }
  SECTION("replaced by a link") {
    std::filesystem::create_symlink("elsewhere", alive);
  }
  CHECK(world.seen().text("state") == "ready");
  CHECK(world.up().code == 0);
  CHECK(world.seen().integer("pid", 0) == pid);
  CHECK(world.run({"kill"}).code == 0);
  // Orphans come to this process.
  CHECK(::waitpid(static_cast<pid_t>(pid), nullptr, WNOHANG) == static_cast<pid_t>(pid));
}

TEST_CASE("whoever swaps a machine's folder for a link makes no command remove what it leads to") {
  const Stale world;
  const Victim victim(world.folder() / "victim");
  const auto link = world.folder() / "link";
  std::filesystem::create_directory_symlink(victim.path(), link);
  int commands = 0;
  for (int round = 0; round < 12; ++round) {
    REQUIRE(world.up().code == 0);
    world.lose_qemu();
    std::atomic<bool> over{false};
    std::thread swapper([&] {
      while (!over) {
        ::renameat2(AT_FDCWD, world.machine().c_str(), AT_FDCWD, link.c_str(), RENAME_EXCHANGE);
      }
    });
    for (const Words& words : {Words{"stop"}, Words{"rm", "vm-0"}, Words{"down"}}) {
      world.run(words);
      ++commands;
    }
    over = true;
    swapper.join();
    CHECK(victim.is_whole());
    // In the end one of the two places holds the link, or there is only that left.
    for (const auto& place : {world.machine(), link}) {
      if (std::filesystem::is_symlink(place)) {
        std::filesystem::remove(place);
      } else {
        std::filesystem::remove_all(place);
      }
    }
    std::filesystem::create_directory_symlink(victim.path(), link);
  }
  std::fprintf(stderr, "swapped under %d commands\n", commands);
}

TEST_CASE("nothing that is kept is open to others, whatever the umask") {
  const Vmfleet world;
  std::ofstream(world.folder() / "a.img") << std::string(65536, 'a');
  std::ofstream(world.folder() / "word") << "a word";
  std::ofstream(world.folder() / "vmfleet.toml")
      << fmt::format(R"(fleet = "demo"
[machine.vm]
kernel = "{}"
initrd = "word"
qemu = "{}"
accel = "tcg"
memory = "32M"
[[machine.vm.net]]
type = "user"
forward = ["ssh:22"]
[[machine.vm.disk]]
file = "a.img"
format = "raw"
mode = "copy"
[[machine.vm.disk]]
file = "a.img"
format = "raw"
mode = "overlay"
[[machine.vm.inject]]
via = "fw_cfg"
path = "opt/word"
source = "word"
[[machine.vm.inject]]
via = "initrd"
path = "/etc/word"
text = "another"
[[machine.vm.inject]]
via = "cloud-init"
path = "user-data"
text = "a third"
[machine.vm.ssh]
user = "root"
[machine.vm.ready]
serial = "vmfleet: guest ready"
)",
                     testkit::guest_path("marker").string(), testkit::fake_qemu_path().string());
  const Ran ran = world.shell(
      "umask 0\n"
      "vmfleet up -q >up.out || { cat up.out; exit 1; }\n"
      "find \"$VMFLEET_STATE_DIR\" -perm /077 ! -type l\n"
      "vmfleet stop -q --grace 0s && vmfleet start -q >up.out || { cat up.out; exit 1; }\n"
      "vmfleet pause -q && vmfleet resume -q && vmfleet reset -q && vmfleet events -q >up.out\n"
      "find \"$VMFLEET_STATE_DIR\" -perm /077 ! -type l\n"
      "find \"$VMFLEET_STATE_DIR\" | wc -l >count");
  INFO(ran.out);
  CHECK(ran.out.empty());
  CHECK(ran.code == 0);
  CHECK(std::stoi(text_of(world.folder() / "count")) > 20);
}
