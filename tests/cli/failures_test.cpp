// SPDX-License-Identifier: MIT
// Machines that fail: the cause, the hint, the exit code, and nothing left running.
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>

#include <vmfleet/base/unique_fd.hpp>
#include <vmfleet/instance/locks.hpp>
#include <vmfleet/testkit/fake_qemu.hpp>
#include <vmfleet/testkit/guests.hpp>

#include "tests/cli/program.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using test::up_with;
using test::Vmfleet;
using test::Words;

namespace {

/// A port of 127.0.0.1 that is taken for as long as this exists.
class TakenPort {
 public:
  TakenPort() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(fd_.get(), 1) == 0);
    ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    number_ = ntohs(address.sin_port);
  }
  [[nodiscard]] std::string text() const { return std::to_string(number_); }

 private:
  UniqueFd fd_;
  int number_ = 0;
};

const json::Value& first(const json::Value& document) {
  return document["machines"].as_array()->front();
}

}  // namespace

TEST_CASE("a guest that panics fails at once, with its last words") {
  const Vmfleet world;
  const auto ran = world.run(up_with("panic"));
  CHECK(ran.code == 7);
  CHECK_THAT(ran.err, ContainsSubstring("vmfleet: vm-0: "));
  CHECK_THAT(ran.err, ContainsSubstring("Kernel panic"));
  CHECK_THAT(ran.err, ContainsSubstring("hint: "));
}

TEST_CASE("a guest that says nothing fails at its deadline") {
  const Vmfleet world;
  const auto up = world.document(up_with("hang", {"--timeout", "300ms"}), 6);
  CHECK(first(up).text("state") == "failed");
  CHECK(first(up)["error"].text("kind") == "timed_out");
  CHECK(up.integer("failed", 0) == 1);
}

TEST_CASE("a machine that failed is ended unless it is to be kept") {
  const Vmfleet world;
  world.run(up_with("hang", {"--timeout", "200ms"}));
  CHECK(first(world.document({"ps"}))["pid"].is_null());
  world.run({"down", "--grace", "0ms"});
  world.run(up_with("hang", {"--timeout", "200ms", "--keep-failed"}));
  CHECK(first(world.document({"ps"})).integer("pid", 0) > 1);
}

TEST_CASE("a machine that was given up and has become ready since is ready for up") {
  const Vmfleet world;
  const Words up =
      up_with("echo", {"--ready", "serial=late but there", "--timeout", "300ms", "--keep-failed"});
  const std::int64_t pid = first(world.document(up, 6)).integer("pid", 0);
  CHECK(world.run({"send", "vm-0", "late but there"}).code == 0);
  CHECK(world.run({"wait", "--for", "serial=late but there", "--timeout", "60s"}).code == 0);
  CHECK(first(world.document({"ps"})).text("state") == "failed");
  const auto again = world.document(up);
  CHECK(first(again).text("state") == "ready");
  CHECK(first(again).integer("pid", 0) == pid);
}

TEST_CASE("of resets before a wait none makes it fail") {
  const Vmfleet world;
  world.run(up_with("hang", {"--timeout", "200ms", "--keep-failed"}));
  std::ofstream events(world.state() / "default/vm-0/events.log", std::ios::app);
  for (int i = 1; i <= 20; ++i) {
    events << R"({"timestamp": {"seconds": )" << 1'700'000'000 + 2 * i
           << R"(, "microseconds": 0}, "event": "RESET", "data": {"guest": true}})" << std::endl;
  }
  CHECK(world.run({"wait", "--timeout", "500ms"}).code == 6);
}

TEST_CASE("a machine whose kernel is gone is not stopped to be started again") {
  const Vmfleet world;
  const auto kernel = world.folder() / "kernel";
  std::filesystem::copy_file(testkit::guest_path("marker"), kernel);
  Words up = up_with("marker", {"-n", "2"});
  up[2] = kernel.string();
  const auto before = world.document(up);
  std::filesystem::remove(kernel);
  for (const Words& words : {Words{"restart"}, Words{"restart", "vm-1"}}) {
    const auto ran = world.run(words);
    CHECK(ran.code == 2);
    CHECK_THAT(ran.err, ContainsSubstring(kernel.string()));
  }
  const auto after = world.document({"ps"});
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(test::machine(after, i).integer("pid", 0) == test::machine(before, i).integer("pid", 1));
    CHECK(test::machine(after, i).text("state") == "ready");
  }
}

TEST_CASE("QEMU's own words are told when it refuses to start") {
  const Vmfleet world;
  const auto ran = world.run(up_with("marker", {"--qemu-arg", "-nosuchoption"}));
  CHECK(ran.code != 0);
  CHECK_THAT(ran.err, ContainsSubstring("nosuchoption"));
}

TEST_CASE("a port that is taken is named") {
  const Vmfleet world;
  const TakenPort port;
  const auto ran = world.run(up_with("marker", {"--forward", "web:" + port.text() + ":80"}));
  CHECK(ran.code != 0);
  CHECK_THAT(ran.err, ContainsSubstring(port.text()));
  CHECK_THAT(ran.err, ContainsSubstring("hint: "));
}

TEST_CASE("some machines that fail and some that do not are exit code 3") {
  Vmfleet world;
  world.environment["FAKE_QEMU_SCRIPT"] =
      R"({"machines": {"vm-1": {"exit": {"code": 1, "stderr": "qemu: cannot set up guest memory"}}}})";
  const Words more = {"-n", "3", "--qemu", testkit::fake_qemu_path().string()};
  const auto up = world.document(up_with("marker", more), 3);
  CHECK(up.integer("ready", 0) == 2);
  CHECK(up.integer("failed", 0) == 1);
  const auto& failed = up["machines"].as_array()->at(1);
  CHECK_THAT(json::write(failed["error"]["evidence"]),
             ContainsSubstring("cannot set up guest memory"));
}

TEST_CASE("a QEMU that is missing makes the host unfit") {
  const Vmfleet world;
  const auto ran = world.run(up_with("marker", {"--qemu", "/nonexistent/qemu"}));
  CHECK(ran.code == 8);
  CHECK_THAT(ran.err, ContainsSubstring("/nonexistent/qemu"));
}

TEST_CASE("paths with commas and a socket directory with a long path work") {
  const Vmfleet world;
  const std::string deep =
      (world.folder() / std::string(100, 'a') / std::string(100, 'b')).string();
  const auto kernel = world.folder() / "we,ird na me.elf";
  const auto words = up_with("marker");
  std::filesystem::copy_file(words[2], kernel);
  auto weird = words;
  weird[2] = kernel.string();
  weird.insert(weird.end(), {"--state-dir", deep});
  const auto ran = world.run(weird);
  CHECK(ran.code == 0);
  CHECK(world.run({"--state-dir", deep, "down", "--grace", "0ms"}).code == 0);
}

TEST_CASE("another configuration is a conflict until it may replace the machine") {
  const Vmfleet world;
  world.run(up_with("button"));
  const auto refused = world.run(up_with("echo"));
  CHECK(refused.code == 5);
  CHECK_THAT(refused.err, ContainsSubstring("--recreate"));
  CHECK(world.run({"pause"}).code == 0);
  CHECK(world.run({"resume"}).code == 0);
  CHECK(world.run(up_with("echo", {"--recreate"})).code == 0);
}

TEST_CASE("all that is wrong with a fleet file is told at once") {
  const Vmfleet world;
  std::ofstream(world.folder() / "bad.toml") << "[machine.web]\nmemry = \"1G\"\ncpus = \"many\"\n";
  const auto ran = world.run({"up", "-f", "bad.toml"});
  CHECK(ran.code == 2);
  CHECK_THAT(ran.err, ContainsSubstring("bad.toml:2"));
  CHECK_THAT(ran.err, ContainsSubstring("bad.toml:3"));
}

TEST_CASE("a damaged record is told, set aside, and does not hide the machine") {
  const Vmfleet world;
  world.run(up_with("marker", {"--forward", "web:80"}));
  const auto machine = world.state() / "default" / "vm-0";
  const json::Value before = first(world.document({"ps"}));
  for (const char* record : {"state.json", "intent.json"}) {
    std::ofstream(machine / record) << "{garbage";
    INFO(record);
    const json::Value told = first(world.document({"ps"}, 9));
    CHECK(told.text("name") == "vm-0");
    CHECK(told["error"].text("kind") == "corrupt");
    CHECK(std::filesystem::exists(machine / (std::string(record) + ".corrupt")));
    CHECK(std::filesystem::exists(machine / record));
    const json::Value after = first(world.document({"ps"}));
    CHECK(after["error"].is_null());
    CHECK(after["ports"] == before["ports"]);
    CHECK(after["pid"] == before["pid"]);
    CHECK(after.text("uuid") == before.text("uuid"));
    CHECK(after.text("accel") == "tcg");
  }
  CHECK(world.run({"down", "--grace", "0ms"}).code == 0);
}

TEST_CASE("a machine whose state was lost is the same for the next up") {
  const Vmfleet world;
  const Words up = up_with("marker", {"--forward", "web:80"});
  const json::Value before = first(world.document(up));
  std::filesystem::remove(world.state() / "default" / "vm-0" / "state.json");
  const json::Value after = first(world.document(up));
  CHECK(after.text("state") == "ready");
  CHECK(after["pid"] == before["pid"]);
  CHECK(after["ports"] == before["ports"]);
}

TEST_CASE("one machine that cannot be worked on keeps no other from it") {
  const Vmfleet world;
  world.run(up_with("marker", {"-n", "3"}));
  const auto state_of = [&](std::size_t index) {
    return std::string(world.document({"ps"})["machines"].as_array()->at(index).text("state"));
  };
  {
    const auto other =
        OperationLock::acquire(InstanceDirectory::open(world.state() / "default" / "vm-1"));
    const auto restart = world.document({"restart", "--grace", "0ms"}, 3);
    CHECK(restart["machines"].as_array()->size() == 3);
    CHECK(restart["machines"].as_array()->at(1)["error"].text("kind") == "conflict");
    CHECK(state_of(0) == "ready");
    CHECK(state_of(2) == "ready");
  }
  world.run({"kill"});
  std::ofstream(world.state() / "default" / "vm-0" / "intent.json") << "{garbage";
  const auto inspect = world.document({"inspect"}, 3);
  CHECK(inspect["machines"].as_array()->at(0)["error"].text("kind") == "corrupt");
  CHECK(inspect["machines"].as_array()->at(1)["argv"].is_array());
  const auto start = world.document({"start"}, 3);
  CHECK(start["machines"].as_array()->at(0).text("name") == "vm-0");
  CHECK(start["machines"].as_array()->at(0)["error"].is_object());
  CHECK(state_of(1) == "ready");
  CHECK(state_of(2) == "ready");
}
