// SPDX-License-Identifier: MIT
// vmfleet run: a fleet that lives as long as a program.
#include <csignal>
#include <fstream>

#include <vmfleet/testkit/guests.hpp>

#include "tests/cli/program.hpp"
#include "tests/cli/terminal.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using test::Terminal;
using test::Vmfleet;
using test::Words;

namespace {

/// `run` of machines with a tiny guest, and a shell script as the program.
Words run_with(const std::string& script, const Words& more = {},
               const std::string& guest = "marker") {
  Words words = test::up_with(guest, more);
  words.front() = "run";
  for (const auto& word : {std::string("--"), std::string("sh"), std::string("-c"), script}) {
    words.push_back(word);
  }
  return words;
}

/// Temporary files are in a folder of their own, which shows what is left of them.
struct World : Vmfleet {
  World() {
    std::filesystem::create_directory(temporary());
    environment["TMPDIR"] = temporary().string();
    environment["PROGRAM"] = test::program_path();
  }
  [[nodiscard]] std::filesystem::path temporary() const { return folder() / "tmp"; }
  [[nodiscard]] bool left_nothing() const {
    return std::filesystem::is_empty(temporary()) && !std::filesystem::exists(state());
  }
};

}  // namespace

TEST_CASE("run gives its program a fleet, passes its exit code on, and leaves nothing") {
  const World world;
  const auto ran = world.run(
      run_with("echo $VMFLEET_MACHINES; echo $VMFLEET_VM_0_PORT_WEB_UI; $PROGRAM port vm-0 web-ui; "
               "cat $VMFLEET_JSON; exit 7",
               {"-n", "2", "--forward", "web-ui:80"}));
  INFO(ran.out << ran.err);
  CHECK(ran.code == 7);
  const auto first = ran.out.find('\n');
  const auto second = ran.out.find('\n', first + 1);
  const auto third = ran.out.find('\n', second + 1);
  CHECK(ran.out.substr(0, first) == "vm-0 vm-1");
  const std::string port = ran.out.substr(first + 1, second - first - 1);
  CHECK(ran.out.substr(second + 1, third - second - 1) == "127.0.0.1:" + port);
  const auto document = json::parse(ran.out.substr(third + 1)).value();
  CHECK(document.text("schema") == "vmfleet.ps/1");
  CHECK(document.integer("ready", 0) == 2);
  CHECK(world.left_nothing());
}

TEST_CASE("run says 125 when it is vmfleet that failed, and leaves nothing") {
  const World world;
  CHECK(world.run({"run", "-n", "1"}).code == 125);
  CHECK(world.run({"run", "--no-such-option", "--", "true"}).code == 125);
  const auto panic = world.run(run_with("echo not reached", {}, "panic"));
  CHECK(panic.code == 125);
  CHECK(panic.out.empty());
  CHECK_THAT(panic.err, ContainsSubstring("Kernel panic"));
  Words document = run_with("echo not reached", {}, "panic");
  document.insert(document.begin(), "--progress=none");
  const auto told = world.document(document, 125);
  CHECK(told.text("schema") == "vmfleet.run/1");
  CHECK(told.integer("failed", 0) == 1);
  Words missing = run_with("");
  missing.erase(missing.end() - 3, missing.end());
  missing.emplace_back("no-such-program");
  const auto none = world.run(missing);
  CHECK(none.code == 125);
  CHECK_THAT(none.err, ContainsSubstring("no-such-program"));
  CHECK_THAT(none.err, ContainsSubstring("give its path"));
  Words guest_hangs = run_with("", {}, "hang");  // and is not even started
  guest_hangs.erase(guest_hangs.end() - 3, guest_hangs.end());
  guest_hangs.emplace_back("./no-such-program");
  CHECK(world.run(guest_hangs).code == 125);
  CHECK(world.left_nothing());
}

TEST_CASE("a program that a signal ended is told as shells do") {
  const World world;
  CHECK(world.run(run_with("kill -TERM $$")).code == 143);
}

TEST_CASE("two runs at once never meet") {
  World world;
  world.environment["KERNEL"] = testkit::guest_path("marker").string();
  const auto ran = world.shell(
      "one() { vmfleet run --progress none --kernel $KERNEL --accel tcg --memory 32M"
      " --ready 'serial=guest ready' -- sh -c 'echo $VMFLEET_FLEET; $PROGRAM ps -q; "
      "until [ $(ls $TMPDIR | wc -l) = 2 ]; do :; done; touch ../met.$VMFLEET_FLEET; "
      "until [ $(ls ../met.* | wc -l) = 2 ]; do :; done'; }\n"
      "cd tmp; one >../a & one >../b; wait; cat ../a ../b; cmp -s ../a ../b && echo the same");
  INFO(ran.out);
  CHECK(ran.out.find("the same") == std::string::npos);
  CHECK(ran.out.find("vm-0") != ran.out.rfind("vm-0"));
  CHECK(world.left_nothing());
}

TEST_CASE("descriptors that run was given reach its program") {
  const World world;
  std::ofstream(world.folder() / "words") << "by descriptor\n";
  Words words = run_with("cat <&5");
  std::string line = "vmfleet";
  for (const auto& word : words) line += " '" + word + "'";
  const auto ran = world.shell(line + " --progress none 5<words");
  CHECK_THAT(ran.out, ContainsSubstring("by descriptor"));
}

TEST_CASE("Ctrl-C ends run's program, and then its fleet") {
  const World world;
  Terminal terminal(world, run_with("echo begun; exec sleep 1000"));
  terminal.wait_for("begun");
  terminal.type("\x03");
  CHECK(terminal.wait() == 130);
  CHECK(world.left_nothing());
}

TEST_CASE("of a program that Ctrl-C does not end it is told what does") {
  const World world;
  Terminal terminal(world, run_with("trap : INT; echo begun; while :; do sleep 0.1; done"));
  terminal.wait_for("begun");
  terminal.type_until("\x03", "runs on; to end it: kill ");
  terminal.signal(SIGTERM);  // which is handed on
  CHECK(terminal.wait() == 143);
  CHECK(world.left_nothing());
}

TEST_CASE("what Ctrl-C means to run's program is its own decision") {
  const World world;
  Terminal terminal(world, run_with("trap 'echo caught; exit 5' INT; echo begun; "
                                    "while :; do sleep 0.1; done"));
  terminal.wait_for("begun");
  terminal.type("\x03");
  terminal.wait_for("caught");
  CHECK(terminal.wait() == 5);
  CHECK(world.left_nothing());
}

TEST_CASE("a signal to run alone is passed on to its program") {
  const World world;
  Terminal terminal(world, run_with("trap 'echo caught; exit 6' TERM; echo begun; "
                                    "while :; do sleep 0.1; done"));
  terminal.wait_for("begun");
  terminal.signal(SIGTERM);
  CHECK(terminal.wait() == 6);
  CHECK(world.left_nothing());
}

TEST_CASE("a signal from before the end of run's program does not end run") {
  const World world;
  // Stopped meanwhile, run finds both at once.
  const auto ran = world.run(
      run_with("trap '' TERM; kill -STOP $PPID; kill -TERM $PPID\n"
               "(until grep -q '^State:.Z' /proc/$$/status; do :; done; kill -CONT $PPID) &\n"
               "exit 7"));
  CHECK(ran.code == 7);
  CHECK(world.left_nothing());
}

TEST_CASE("Ctrl-C while run's machines boot ends them") {
  const World world;
  Terminal terminal(world, run_with("true", {"-n", "2"}, "hang"));
  terminal.wait_for("booting");
  terminal.type("\x03");
  CHECK(terminal.wait() == 130);
  CHECK(world.left_nothing());
}

TEST_CASE("run ends what its program started or restarted in its state folder, too") {
  const World world;  // and fails the test for a process that is left
  const std::string more = " up -p other --progress none --accel tcg --memory 32M --kernel " +
                           testkit::guest_path("marker").string();
  const auto ran =
      world.run(run_with("$PROGRAM restart --grace 0ms vm-0 && $PROGRAM" + more + "; exit 3"));
  INFO(ran.out << ran.err);
  CHECK(ran.code == 3);
  CHECK(world.left_nothing());
}

TEST_CASE("Ctrl-C ends what run's program restarted, too") {
  const World world;
  Terminal terminal(world,
                    run_with("$PROGRAM restart --grace 0ms vm-0; echo begun; exec sleep 1000"));
  terminal.wait_for("begun");
  terminal.type("\x03");
  CHECK(terminal.wait() == 130);
  CHECK(world.left_nothing());
}

TEST_CASE("the machines and the program of a run that is killed die with it") {
  const World world;  // and fails the test for a process that is left
  Terminal terminal(world, run_with("echo begun; exec sleep 1000", {"-n", "2"}));
  terminal.wait_for("begun");
  terminal.signal(SIGKILL);
  CHECK(terminal.wait() == 137);
}

TEST_CASE("the next run removes what one that was killed has left") {
  const World world;
  Terminal terminal(world,
                    run_with("$PROGRAM restart --grace 0ms vm-0; echo begun; exec sleep 1000"));
  terminal.wait_for("begun");
  terminal.signal(SIGKILL);
  CHECK(terminal.wait() == 137);
  CHECK_FALSE(world.left_nothing());
  CHECK(world.run(run_with("true")).code == 0);
  CHECK(world.left_nothing());
}

TEST_CASE("run leaves nothing of what its program put beside a machine's files") {
  const World world;
  const auto ran = world.run(
      run_with("cd $VMFLEET_STATE_DIR/$VMFLEET_FLEET/vm-0 && mkdir photos && touch photos/one log; "
               "exit 3"));
  INFO(ran.err);
  CHECK(ran.code == 3);
  CHECK(ran.err.find("not vmfleet's") == std::string::npos);
  CHECK(world.left_nothing());
}

TEST_CASE("a run that cannot clean up leaves the folder of what still runs to the next one") {
  const World world;
  const auto holder = world.folder() / "holder";
  // Another command has the machine's lock, from then on.
  const auto ran = world.run(run_with(
      "$PROGRAM restart --grace 0ms vm-0; lock=$VMFLEET_STATE_DIR/$VMFLEET_FLEET/vm-0/lock\n"
      "setsid flock --no-fork $lock sleep 1000 </dev/null >/dev/null 2>&1 & echo $! >" +
      holder.string() + "\nwhile flock --nonblock $lock true; do :; done"));
  INFO(ran.out << ran.err);
  CHECK(world.shell("read pid <" + holder.string() + "; kill $pid").code == 0);
  CHECK(ran.code == 0);  // the program's own
  CHECK_THAT(ran.err, ContainsSubstring("machines may still run"));
  const auto state = std::filesystem::directory_iterator(world.temporary())->path();
  const auto fleet = "run-" + state.string().substr(state.string().rfind('-') + 1);
  const auto ps = world.document({"ps", "--state-dir", state.string(), "-p", fleet});
  CHECK(ps["machines"].as_array()->at(0).text("state") == "ready");
  CHECK(world.run(run_with("true")).code == 0);
  CHECK(world.left_nothing());
}
