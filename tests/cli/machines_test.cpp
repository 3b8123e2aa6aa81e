// SPDX-License-Identifier: MIT
// The life of real machines: QEMU under TCG with tiny guests.
#include <fstream>

#include <vmfleet/testkit/guests.hpp>

#include "tests/cli/program.hpp"
#include "tests/cli/terminal.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using test::Terminal;
using test::up_with;
using test::Vmfleet;
using test::Words;

namespace {

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

const json::Value& machine(const json::Value& document, std::size_t index) {
  return document["machines"].as_array()->at(index);
}

}  // namespace

TEST_CASE("a fleet comes up, is looked at, and goes down without a trace") {
  const Vmfleet world;
  const auto up = world.document(up_with("marker", {"-n", "3", "--forward", "ssh:22"}));
  CHECK(up.text("schema") == "vmfleet.up/1");
  CHECK(up.text("fleet") == "default");
  CHECK(up.integer("ready", -1) == 3);
  CHECK(up.integer("failed", -1) == 0);
  REQUIRE(up["machines"].as_array()->size() == 3);
  const auto ps = world.document({"ps"});
  for (std::size_t i = 0; i < 3; ++i) {
    const auto& seen = machine(ps, i);
    CHECK(seen.text("name") == "vm-" + std::to_string(i));
    CHECK(seen.text("state") == "ready");
    CHECK(seen.integer("pid", 0) > 1);
    CHECK(seen.text("uuid").size() == 36);
    CHECK(seen.integer("ready_ms", -1) >= 0);
    const auto& port = seen["ports"].as_array()->at(0);
    CHECK(port.text("name") == "ssh");
    CHECK(port.text("host_addr") == "127.0.0.1");
    CHECK(port.integer("host", 0) > 0);
    CHECK(port.integer("guest", 0) == 22);
  }
  const auto down = world.document({"down", "--grace", "0ms"});
  CHECK(down.text("schema") == "vmfleet.down/1");
  CHECK(down["machines"].as_array()->size() == 3);
  CHECK_FALSE(std::filesystem::exists(world.state() / "default"));
}

TEST_CASE("up may be repeated, and starts what is missing") {
  const Vmfleet world;
  const auto first = world.document(up_with("marker"));
  const auto second = world.document(up_with("marker", {"-n", "2"}));
  CHECK(machine(first, 0).integer("pid", 1) == machine(second, 0).integer("pid", 2));
  CHECK(second.integer("ready", -1) == 2);
}

TEST_CASE("the answer of up for people is the table of ps") {
  const Vmfleet world;
  const auto up = world.run(up_with("marker", {"-n", "2"}));
  CHECK(up.code == 0);
  CHECK(up.out == world.run({"ps"}).out);
  CHECK(count_of(up.out, "\n") == 3);
  CHECK(world.run({"ps", "-q"}).out == "vm-0\nvm-1\n");
  CHECK(world.run({"ps", "-q", "vm-{1..1}"}).out == "vm-1\n");
}

TEST_CASE("a dry run prints command lines and starts nothing") {
  const Vmfleet world;
  const auto ran = world.run(up_with("marker", {"-n", "2", "--dry-run"}));
  CHECK(ran.code == 0);
  CHECK(count_of(ran.out, "qemu-system-x86_64") == 2);
  CHECK_FALSE(std::filesystem::exists(world.state() / "default"));
  const auto document = world.document(up_with("marker", {"--dry-run"}));
  CHECK(document.text("schema") == "vmfleet.dry-run/1");
  CHECK(document["commands"].as_array()->size() == 1);
}

TEST_CASE("logs of several machines have a prefix, of one machine none") {
  const Vmfleet world;
  world.run(up_with("marker", {"-n", "2"}));
  CHECK(world.run({"logs"}).out == "vm-0 | vmfleet: guest ready\nvm-1 | vmfleet: guest ready\n");
  CHECK(world.run({"logs", "vm-1"}).out == "vmfleet: guest ready\n");
  CHECK_THAT(world.run({"logs", "--json", "vm-1"}).out,
             ContainsSubstring(R"({"machine":"vm-1","line":"vmfleet: guest ready"})"));
}

TEST_CASE("--tail shows the last lines of a log") {
  const Vmfleet world;
  world.run(up_with("flood", {"--append", "-- 5000"}));
  const auto all = world.run({"logs"}).out;
  CHECK(count_of(all, "\n") == 5001);
  CHECK(world.run({"logs", "--tail", "2"}).out == "line 00004999\nvmfleet: guest ready\n");
  CHECK(world.run({"logs", "--tail", "9999"}).out == all);
  CHECK(world.run({"logs", "--tail", "0"}).out.empty());
}

TEST_CASE("guest output cannot drive the terminal unless it is asked for raw") {
  const Vmfleet world;
  world.run(up_with("say", {"--append", "-- evil \x1b[2J text"}));
  CHECK_THAT(world.run({"logs"}).out, ContainsSubstring("evil  text"));
  CHECK_THAT(world.run({"logs", "--raw"}).out, ContainsSubstring("evil \x1b[2J text"));
}

TEST_CASE("a follower sees all and ends with the machine") {
  const Vmfleet world;
  const auto ran = world.run(up_with("late", {"--append", "-- 500", "--no-wait"}));
  CHECK(ran.code == 0);
  const auto followed =
      world.shell("vmfleet logs -f & vmfleet wait; vmfleet kill --progress none; wait $!");
  CHECK(followed.code == 0);
  CHECK(count_of(followed.out, "vmfleet: guest ready\n") >= 1);
}

TEST_CASE("ports are found by name and by the guest's number") {
  const Vmfleet world;
  world.run(up_with("marker", {"--forward", "ssh:22", "--forward", "web:80"}));
  const auto ssh = world.run({"port", "vm-0", "ssh"});
  CHECK(ssh.code == 0);
  CHECK(ssh.out.rfind("127.0.0.1:", 0) == 0);
  CHECK(world.run({"port", "vm-0", "22"}).out == ssh.out);
  CHECK(count_of(world.run({"port", "vm-0"}).out, "\n") == 3);
  CHECK(world.document({"port", "vm-0"})["ports"].as_array()->size() == 2);
  const auto missing = world.run({"port", "vm-0", "ftp"});
  CHECK(missing.code == 2);
  CHECK_THAT(missing.err, ContainsSubstring("ssh, web"));
}

TEST_CASE("a machine tells its command line, its facts, and answers QMP") {
  const Vmfleet world;
  world.run(up_with("marker"));
  CHECK_THAT(world.run({"cmdline", "vm-0"}).out, ContainsSubstring("marker.elf"));
  const auto argv = world.document({"cmdline", "vm-0"});
  CHECK(argv["argv"].as_array()->size() > 10);
  const auto inspect = world.document({"inspect", "vm-0"});
  CHECK(inspect.text("schema") == "vmfleet.inspect/1");
  CHECK(machine(inspect, 0)["argv"] == argv["argv"]);
  CHECK_THAT(world.run({"inspect", "vm-0"}).out, ContainsSubstring("state: ready\n"));
  CHECK(machine(inspect, 0)["config"].text("arch") == "x86_64");
  const auto network = world.document({"inspect", "vm-0", "--network"});
  CHECK(machine(network, 0)["network"]["interfaces"].as_array()->at(0).text("type") == "user");
  CHECK(machine(network, 0)["argv"].is_null());
  CHECK_THAT(world.run({"inspect", "vm-0", "--device"}).out, ContainsSubstring("virtio-rng-pci"));
  const auto raw = world.document({"inspect", "vm-0", "--raw"});
  CHECK(machine(raw, 0)["raw"]["intent.json"].text("schema") == "vmfleet.intent/1");
  const auto status = world.document({"qmp", "vm-0", "query-status"});
  CHECK(status["return"].text("status") == "running");
  CHECK(world.run({"qmp", "vm-0", "nosuch"}).code == 1);
}

TEST_CASE("pause, resume and reset show in ps and events") {
  const Vmfleet world;
  world.run(up_with("marker"));
  CHECK(world.run({"pause", "vm-0"}).code == 0);
  CHECK(machine(world.document({"ps"}), 0).text("state") == "paused");
  CHECK(world.run({"resume", "vm-0"}).code == 0);
  CHECK(machine(world.document({"ps"}), 0).text("state") == "ready");
  CHECK(world.run({"reset", "vm-0"}).code == 0);
  const auto events = world.run({"events", "vm-0"}).out;
  for (const char* name : {" vm-0 STOP", " vm-0 RESUME", " vm-0 RESET"}) {
    CHECK_THAT(events, ContainsSubstring(name));
  }
  const auto lines = world.run({"events", "--json", "vm-0"}).out;
  CHECK(json::parse(lines.substr(0, lines.find('\n')))->text("event") == "RESUME");
}

TEST_CASE("a machine that is reset is ready when it has become so anew") {
  const Vmfleet world;
  world.run(up_with("marker"));
  const auto reset = world.run({"reset"});
  INFO(reset.err);
  CHECK(reset.code == 0);
  const auto again = machine(world.document({"ps"}), 0);
  CHECK(again.text("state") == "ready");
  CHECK(count_of(world.run({"logs"}).out, "guest ready") == 2);
  CHECK(world.run({"reset", "--no-wait"}).code == 0);
  CHECK(machine(world.document({"ps"}), 0).text("state") == "booting");
  CHECK(world.run({"wait", "--for", "ready", "--timeout", "60s"}).code == 0);
  CHECK(machine(world.document({"ps"}), 0).text("state") == "ready");
  CHECK(count_of(world.run({"logs"}).out, "guest ready") == 3);
}

TEST_CASE("a machine that was started paused becomes ready after it is resumed") {
  const Vmfleet world;
  std::ofstream(world.folder() / "held.toml")
      << "fleet = 'held'\n[machine.a]\naccel = 'tcg'\nmemory = '32M'\npaused = true\nkernel = '"
      << testkit::guest_path("marker").string() << "'\nready = { serial = 'guest ready' }\n";
  CHECK(machine(world.document({"up", "-f", "held.toml"}), 0).text("state") == "paused");
  CHECK(world.run({"wait", "-p", "held", "--timeout", "50ms"}).code == 6);
  CHECK(world.run({"resume", "-p", "held"}).code == 0);
  CHECK(world.run({"wait", "-p", "held"}).code == 0);
  CHECK(machine(world.document({"ps", "-p", "held"}), 0).text("state") == "ready");
}

TEST_CASE("a reset of a paused machine waits for nobody") {
  const Vmfleet world;
  world.run(up_with("marker"));
  CHECK(world.run({"pause"}).code == 0);
  CHECK(world.run({"reset"}).code == 0);
  CHECK(machine(world.document({"ps"}), 0).text("state") == "paused");
  CHECK(world.run({"resume"}).code == 0);
  CHECK(world.run({"wait", "--timeout", "60s"}).code == 0);
}

TEST_CASE("what is sent reaches the console") {
  const Vmfleet world;
  world.run(up_with("echo"));
  CHECK(world.run({"send", "vm-0", "hello there"}).code == 0);
  const auto wait = world.run({"wait", "vm-0", "--for", "serial=hello there", "--timeout", "60s"});
  CHECK(wait.code == 0);
  CHECK_THAT(wait.out, ContainsSubstring("hello there"));
}

TEST_CASE("of two commands that remove a fleet none trips over what the other removed") {
  const Vmfleet world;
  for (int i = 0; i < 3; ++i) {
    REQUIRE(world.run(up_with("marker", {"-n", "3"})).code == 0);
    const auto both = world.shell(
        "vmfleet down --grace 0ms & vmfleet down --grace 0ms; echo \"code $?\"; wait $!; echo "
        "\"code $?\"");
    INFO(both.out);
    CHECK(count_of(both.out, "code 0") == 2);
    CHECK(count_of(both.out, "vmfleet: ") == 0);
    CHECK_FALSE(std::filesystem::exists(world.state() / "default"));
  }
}

TEST_CASE("machines that a lowered count leaves are told of") {
  const Vmfleet world;
  CHECK_THAT(world.run(up_with("marker", {"-n", "3"})).err, !ContainsSubstring("vmfleet down"));
  const auto fewer = world.run(up_with("marker", {"-n", "1"}));
  CHECK(fewer.code == 0);
  CHECK_THAT(fewer.err, ContainsSubstring("`vmfleet down vm-1 vm-2` removes them"));
  CHECK(world.run({"ps", "-q"}).out == "vm-0\nvm-1\nvm-2\n");
}

TEST_CASE("an event that QEMU has not is refused, and the nearest one named") {
  const Vmfleet world;
  const auto up = world.run(up_with("marker", {"--ready", "event=RESUMED"}));
  CHECK(up.code == 2);
  CHECK_THAT(up.err, ContainsSubstring("did you mean 'RESUME'?"));
  REQUIRE(world.run(up_with("marker", {"--ready", "event=RESUME"})).code == 0);
  const auto wait = world.run({"wait", "--for", "event=shutdwn"});
  CHECK(wait.code == 2);
  CHECK_THAT(wait.err, ContainsSubstring("did you mean 'SHUTDOWN'?"));
}

TEST_CASE("wait tells what was met, and what was missing") {
  const Vmfleet world;
  world.run(up_with("marker", {"-n", "2"}));
  CHECK(world.run({"wait"}).code == 0);
  const auto met = world.document({"wait", "--for", "regex=guest re.dy", "--timeout", "60s"});
  CHECK(met.text("schema") == "vmfleet.wait/1");
  CHECK(machine(met, 1).flag("met", false));
  const auto missing = world.run({"wait", "--for", "serial=never", "--timeout", "100ms", "vm-0"});
  CHECK(missing.code == 6);
  CHECK_THAT(missing.err, ContainsSubstring("missing serial 'never'"));
  CHECK_THAT(missing.err, ContainsSubstring("    vmfleet: guest ready"));
}

TEST_CASE("a wait that begins too late still sees what was there in time") {
  const Vmfleet world;
  CHECK(world.run(up_with("marker", {"--no-wait", "--timeout", "1ms"})).code == 0);
  CHECK(world.run({"wait", "--for", "serial=guest ready", "--timeout", "60s"}).code == 0);
  CHECK(world.run({"wait", "vm-0"}).code == 0);
  CHECK(machine(world.document({"ps"}), 0).text("state") == "ready");
}

TEST_CASE("a wait's own timeout counts from when it began, and does not judge the machine") {
  const Vmfleet world;
  const Words late = {"--append", "-- 1500", "--no-wait", "--timeout", "1ms"};
  CHECK(world.run(up_with("late", late)).code == 0);
  const auto impatient = world.run({"wait", "vm-0", "--timeout", "1ms"});
  CHECK(impatient.code == 6);
  CHECK_THAT(impatient.err, ContainsSubstring("missing serial"));
  CHECK(machine(world.document({"ps"}), 0).text("state") == "booting");
  CHECK(world.run({"wait", "vm-0", "--timeout", "60s"}).code == 0);
}

TEST_CASE("a machine that ends with a code of success has done what it should") {
  const Vmfleet world;
  const auto file = world.folder() / "machines.toml";
  std::ofstream(file) << "[machine.vm]\naccel = \"tcg\"\nmemory = \"32M\"\nkernel = \""
                      << testkit::guest_path("exit_code").string()
                      << "\"\nexit_codes = { 33 = \"success\" }\n"
                         "ready.exit = true\nready.timeout = \"60s\"\n";
  const auto up = world.document({"up", "-f", file.string(), "-p", "default"});
  CHECK(machine(up, 0).text("state") == "stopped");
  const auto ps = world.document({"ps"});
  const auto& exit = machine(ps, 0)["exit"];
  CHECK(exit.integer("code", 0) == 33);
  CHECK(exit.text("reason") == "the guest ended with exit code 33: success");
}

TEST_CASE("with --any the first machine is enough") {
  const Vmfleet world;
  world.run(up_with("marker", {"-n", "2"}));
  world.run({"kill", "vm-1"});
  const auto any = world.document({"wait", "--for", "exit", "--any", "--timeout", "60s"});
  CHECK_FALSE(machine(any, 0).flag("met", true));
  CHECK(machine(any, 1).flag("met", false));
}

TEST_CASE("stopped machines keep their directory, and start again") {
  const Vmfleet world;
  world.run(up_with("button"));
  const auto stop = world.document({"stop"});
  CHECK(stop.text("schema") == "vmfleet.stop/1");
  CHECK(machine(stop, 0).text("state") == "stopped");
  CHECK(machine(stop, 0)["exit"].text("kind") == "guest-shutdown");
  CHECK(machine(world.document({"ps"}), 0).text("state") == "stopped");
  const auto port = world.run({"port", "vm-0"});
  CHECK(port.code == 7);
  CHECK_THAT(port.err, ContainsSubstring("does not run"));
  CHECK(machine(world.document(up_with("button")), 0).text("state") == "ready");
}

TEST_CASE("machines are listed by label, and as they change") {
  const Vmfleet world;
  const std::string keys = "accel = \"tcg\"\nmemory = \"32M\"\nkernel = \"" +
                           testkit::guest_path("marker").string() + "\"\n";
  std::ofstream(world.folder() / "vmfleet.toml")
      << "fleet = \"lab\"\n[defaults]\n"
      << keys << "[machine.web]\ncount = 2\n"
      << "labels = { role = \"web\", at = \"{index}\" }\n[machine.db]\n";
  CHECK(world.shell("vmfleet up --progress none").code == 0);
  CHECK(world.run({"ps", "-p", "lab", "-q", "-l", "role=web"}).out == "web-0\nweb-1\n");
  CHECK(world.run({"ps", "-p", "lab", "-q", "-l", "!role"}).out == "db\n");
  const auto one = world.document({"ps", "-p", "lab", "-l", "role=web,at=1"});
  CHECK(one["machines"].as_array()->size() == 1);
  CHECK(::machine(one, 0)["labels"].text("at") == "1");
  CHECK(world.run({"ps", "-p", "lab", "-l", "=web"}).code == 2);

  Terminal watch(world, {"ps", "-p", "lab", "-w", "web-*"});
  watch.wait_for("web-1  running");
  world.run({"kill", "-p", "lab", "web-0"});
  watch.wait_for("web-0  stopped");
  world.run({"rm", "-p", "lab", "web-0"});
  watch.wait_for("web-0  removed");
  watch.type("\x03");
  CHECK(watch.wait() == 130);
}

TEST_CASE("up tells of a machine that was removed while others were waited for") {
  const Vmfleet world;
  const auto kernel = [](const char* guest) {
    return "kernel = '" + testkit::guest_path(guest).string() + "'\n";
  };
  std::ofstream(world.folder() / "two.toml")
      << "fleet = 'two'\n[defaults]\naccel = 'tcg'\nmemory = '32M'\n"
      << "ready = { serial = 'guest ready' }\n[machine.a]\n"
      << kernel("marker") << "[machine.b]\n"
      << kernel("hang");
  Terminal up(world,
              {"up", "-f", world.folder() / "two.toml", "--progress", "plain", "--color", "never"});
  up.wait_for("a: ready");
  world.run({"down", "-p", "two", "--grace", "0ms", "a"});
  world.run({"kill", "-p", "two", "b"});
  up.wait_for("a was removed meanwhile");
  CHECK(up.wait() == 7);
}

TEST_CASE("up --attach follows the consoles, and Ctrl-C stops the machines") {
  const Vmfleet world;
  const Words up = up_with("button", {"-n", "2", "--attach"});
  Terminal attached(world, up);
  for (int machines = 0; machines < 2; ++machines) attached.wait_for("vmfleet: guest ready");
  attached.type("\x03");
  CHECK(attached.wait() == 130);
  const auto ps = world.document({"ps"});
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(machine(ps, i).text("state") == "stopped");
    CHECK(machine(ps, i)["exit"].text("kind") == "guest-shutdown");
  }

  Terminal again(world, up);
  for (int machines = 0; machines < 2; ++machines) again.wait_for("vmfleet: guest ready");
  world.run({"kill", "vm-0"});
  world.run({"stop", "vm-1"});
  CHECK(again.wait() == 0);
}

TEST_CASE("several fleets live side by side") {
  const Vmfleet world;
  world.run(up_with("marker", {"-p", "one"}));
  world.run(up_with("marker", {"-p", "two"}));
  CHECK(world.run({"ps", "-q", "-p", "two"}).out == "vm-0\n");
  CHECK_THAT(world.run({"ps"}).err, ContainsSubstring("one, two"));
  CHECK(world.run({"down", "--grace", "0ms", "-p", "one"}).code == 0);
  CHECK(world.document({"ps", "-p", "two"}).integer("ready", 0) == 1);
}

TEST_CASE("VMFLEET_FLEET names the fleet for every command") {
  Vmfleet world;
  world.environment["VMFLEET_FLEET"] = "nightly";
  const auto up = world.document(up_with("marker"));
  CHECK(up.text("fleet") == "nightly");
  CHECK(world.document({"ps"}).text("fleet") == "nightly");
  CHECK(world.document({"down", "--grace", "0ms"})["machines"].as_array()->size() == 1);
}

TEST_CASE("a folder with a fleet file is its own fleet") {
  const Vmfleet world;
  const auto dry = world.run(up_with("marker", {"--dry-run"}));
  REQUIRE(dry.code == 0);
  const auto ran = world.shell(
      "mkdir lab && cd lab && cat >vmfleet.toml <<END\n"
      "[machine.web]\ncount = 2\naccel = \"tcg\"\nmemory = \"32M\"\n"
      "kernel = \"$VMFLEET_TESTKIT_DIR/marker.elf\"\n"
      "[machine.web.ready]\nserial = \"vmfleet: guest ready\"\nEND\n"
      "vmfleet up --progress none >/dev/null && vmfleet ps -q");
  CHECK(ran.out == "web-0\nweb-1\n");
  CHECK(std::filesystem::exists(world.state() / "lab" / "web-1"));
}

TEST_CASE("two folders of one name are told apart before one replaces the other's machines") {
  const Vmfleet world;
  const std::string file =
      "cat >vmfleet.toml <<END\n[machine.web]\naccel = \"tcg\"\nmemory = \"$1\"\n"
      "kernel = \"$VMFLEET_TESTKIT_DIR/marker.elf\"\nEND\n";
  const std::string up = "vmfleet up --progress none\n";
  CHECK(world.shell("mkdir -p a/lab b/lab; cd a/lab\nset -- 32M\n" + file + up).code == 0);
  const auto other = world.shell("cd b/lab\nset -- 33M\n" + file + up);
  CHECK(other.code == 5);
  CHECK_THAT(other.out, ContainsSubstring("runs for the fleet \"lab\" of"));
  CHECK_THAT(other.out, ContainsSubstring("a/lab"));
  CHECK_THAT(other.out, ContainsSubstring("hint: give one of the two another name"));
}

TEST_CASE("what was written beside a machine's files goes with it") {
  const Vmfleet world;
  std::ofstream(world.folder() / "vmfleet.toml")
      << "fleet = 'demo'\n[machine.a]\naccel = 'tcg'\nready.serial = 'guest ready'\n"
         "qemu_args = ['-D', '{dir}/qemu.log', '-d', 'guest_errors']\nkernel = '"
      << testkit::guest_path("marker").string() << "'\n";
  const auto directory = world.state() / "demo/a";
  REQUIRE(world.run({"up"}).code == 0);
  std::ofstream(directory / "notes") << "x";
  CHECK(world.run({"stop", "--grace", "0ms"}).code == 0);
  CHECK(world.run({"start"}).code == 0);
  CHECK(std::filesystem::exists(directory / "notes"));
  CHECK(world.run({"down"}).code == 0);
  CHECK_FALSE(std::filesystem::exists(world.state() / "demo"));
}

TEST_CASE("a machine is not started in a folder of somebody's files") {
  const Vmfleet world;
  std::filesystem::create_directories(world.folder() / "src/vm-0");
  std::ofstream(world.folder() / "src/vm-0/main.c") << "int main() {}";
  const auto up = world.run(up_with("marker", {"--state-dir", ".", "-p", "src"}));
  CHECK(up.code == 5);
  CHECK_THAT(up.err, ContainsSubstring("holds files that are not vmfleet's"));
  CHECK(world.run({"down", "--state-dir", ".", "-p", "src"}).code == 5);
  CHECK(std::filesystem::exists(world.folder() / "src/vm-0/main.c"));
}
