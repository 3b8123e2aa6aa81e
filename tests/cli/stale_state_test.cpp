// SPDX-License-Identifier: MIT
// State directories that lie: numbers of others' processes, another boot, emptied records. And
// nothing in them is open to others.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include <fmt/format.h>

#include <vmfleet/instance/intent.hpp>
#include <vmfleet/io/files.hpp>
#include <vmfleet/testkit/fake_qemu.hpp>
#include <vmfleet/testkit/guests.hpp>

#include "tests/cli/program.hpp"
#include "tests/cli/stale.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

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
  CHECK(files::read(world.machine() / "pid") == std::to_string(number) + "\n");
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
  CHECK(std::stoi(files::read(world.folder() / "count")) > 20);
}
