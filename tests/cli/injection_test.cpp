// SPDX-License-Identifier: MIT
// Injections, keys and --verify, as users meet them; what guests see is in tests/system/fleet.
#include <fstream>

#include "tests/cli/program.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using test::Ran;
using test::Vmfleet;

namespace {

/// A folder `lab` with a machine `web` and these keys; commands run in it.
class Lab {
 public:
  explicit Lab(const std::string& keys) {
    std::filesystem::create_directory(world.folder() / "lab");
    write("a.img", std::string(1 << 20, 'a'));
    write("vmfleet.toml", "[machine.web]\naccel = \"tcg\"\nmemory = \"32M\"\nkernel = \"" +
                              std::string(std::getenv("VMFLEET_TESTKIT_DIR")) + "/marker.elf\"\n" +
                              keys);
  }

  void write(const std::string& name, const std::string& content) const {
    std::ofstream(world.folder() / "lab" / name) << content;
  }
  Ran run(const std::string& line) const { return world.shell("cd lab\n" + line); }
  [[nodiscard]] std::filesystem::path machine() const { return world.state() / "lab/web"; }
  [[nodiscard]] std::filesystem::path key() const { return world.state() / ".ssh/id_ed25519"; }

  Vmfleet world;
};

const std::string kReady = "ready = { serial = \"vmfleet: guest ready\" }\n";
const std::string kCopy = "disk = [{ file = \"a.img\", mode = \"copy\" }]\n";

/// Commands after it find QEMU, and no ssh-keygen.
const std::string kBarePath =
    "mkdir bin; ln -s /usr/bin/qemu-system-x86_64 bin; PATH=$PWD/bin; export PATH\n";

}  // namespace

TEST_CASE("commands that start at once use one key pair, and it is no fleet") {
  const Lab lab("count = 2\nssh = {}\n" + kReady);
  const Ran ran = lab.run(
      "vmfleet up --progress none web-0 & first=$!\n"
      "vmfleet up --progress none web-1 & wait $! && wait $first && vmfleet ps --json");
  INFO(ran.out);
  CHECK(ran.code == 0);
  CHECK(std::filesystem::exists(lab.key()));
  const Ran lines = lab.run("for name in web-0 web-1; do vmfleet cmdline $name; done");
  CHECK_THAT(lines.out, ContainsSubstring("authorized_keys,file=" + lab.key().string() + ".pub"));
  CHECK(lab.run("vmfleet down --grace 0ms -q").code == 0);
  CHECK(lab.run("ls -A '" + lab.world.state().string() + "'").out == ".ssh\n");
}

TEST_CASE("without ssh-keygen a machine starts, unless a key was asked for") {
  SECTION("it was not") {
    const Lab lab("ready = { ssh = true }\n");
    const Ran ran = lab.run(kBarePath + "\"$PROGRAM\" up --no-wait --progress plain");
    INFO(ran.out);
    CHECK(ran.code == 0);
    CHECK_THAT(ran.out, ContainsSubstring("warning: there is no ssh-keygen"));
  }
  SECTION("it was") {
    const Lab lab("ssh = {}\n" + kReady);
    const Ran ran = lab.run(kBarePath + "\"$PROGRAM\" up --progress none");
    INFO(ran.out);
    CHECK(ran.code == 8);
    CHECK_THAT(ran.out, ContainsSubstring("openssh-client"));
  }
}

TEST_CASE("a user without a name starts machines that have no key") {
  const Lab lab("ready = { ssh = true }\n");
  const std::string nameless = "unshare --map-user=54321 --map-group=54321 ";
  if (lab.run(nameless + "true").code != 0) {
    WARN("users cannot be mapped here");
    return;
  }
  const Ran ran = lab.run(nameless + "\"$PROGRAM\" up --no-wait --progress plain");
  INFO(ran.out);
  CHECK(ran.code == 0);
  CHECK_THAT(ran.out, ContainsSubstring("warning: user 54321 has no name"));
}

TEST_CASE("a key of the user's that is half missing is refused by name") {
  const Lab lab("ssh = { key = \"mine\" }\n" + kReady);
  lab.write("mine", "private");
  const Ran ran = lab.run("vmfleet up --progress none");
  CHECK(ran.code == 2);
  CHECK_THAT(ran.out, ContainsSubstring("ssh-keygen -y"));
}

TEST_CASE("a dry run shows injections and writes none") {
  const Lab lab(kReady +
                "ssh = {}\ninject = [{ via = \"credential\", path = \"token\", text = \"s3cret\" },"
                "{ via = \"initrd\", path = \"/a\", text = \"s3cret\" }]\n");
  const Ran ran = lab.run("vmfleet up --dry-run");
  CHECK(ran.code == 0);
  CHECK_THAT(ran.out, ContainsSubstring("-smbios type=11,path=" + lab.machine().string()));
  CHECK_THAT(ran.out, ContainsSubstring("-initrd " + lab.machine().string() + "/initrd"));
  CHECK_THAT(ran.out, ContainsSubstring(lab.key().string() + ".pub"));
  CHECK(ran.out.find("s3cret") == std::string::npos);
  CHECK_FALSE(std::filesystem::exists(lab.world.state()));
}

TEST_CASE("a tool that fails is told with its words, and its disk is not there") {
  const Lab lab(kReady + kCopy +
                "inject = [{ via = \"tool\", command = [\"sh\", \"-c\", "
                "\"echo it does not fit >&2; exit 7\", \"-\", \"{disk:disk0}\"] }]\n");
  const Ran ran = lab.run("vmfleet up --progress none");
  INFO(ran.out);
  CHECK(ran.code == 1);
  CHECK_THAT(ran.out, ContainsSubstring("the tool sh ended with exit code 7"));
  CHECK_THAT(ran.out, ContainsSubstring("it does not fit"));
  CHECK_FALSE(std::filesystem::exists(lab.machine() / "disk0.raw"));
  CHECK(lab.run("vmfleet down --grace 0ms -q").code == 0);
  CHECK_FALSE(std::filesystem::exists(lab.machine()));
}

TEST_CASE("a tool runs once for a disk, and anew when its source changed") {
  const Lab lab(kReady + kCopy +
                "inject = [{ via = \"tool\", source = \"put\", command = [\"sh\", \"-c\", "
                "\"echo ran >> runs; dd if=$1 of=$2 conv=notrunc status=none\", \"-\", "
                "\"{source}\", \"{disk:disk0}\"] }]\n");
  lab.write("put", "one");
  const auto disk_begins_with = [&](const std::string& text) {
    std::string start(text.size(), '\0');
    std::ifstream(lab.machine() / "disk0.raw").read(start.data(), static_cast<int>(start.size()));
    return start == text;
  };
  CHECK(lab.run("vmfleet up -q && vmfleet stop --grace 0ms -q && vmfleet start -q").code == 0);
  CHECK(disk_begins_with("one"));
  CHECK(lab.run("cat runs").out == "ran\n");
  lab.write("put", "two");
  const Ran refused = lab.run("vmfleet stop --grace 0ms -q; vmfleet up --progress none");
  CHECK(refused.code == 5);
  CHECK_THAT(refused.out, ContainsSubstring("what tools do to disk disk0.raw changed"));
  CHECK(lab.run("vmfleet stop --grace 0ms -q; vmfleet up --recreate --progress none").code == 0);
  CHECK(disk_begins_with("two"));
  CHECK(lab.run("cat runs").out == "ran\nran\n");
}

TEST_CASE("a source that changed with its old time is seen by up --verify alone") {
  const Lab lab(kReady + kCopy);
  const std::string change =
      "touch -r a.img old; printf b | dd of=a.img conv=notrunc status=none; touch -r old a.img\n"
      "vmfleet stop --grace 0ms -q\n";
  const std::string first = GENERATE("vmfleet up --progress none", "vmfleet up --verify -q");
  CHECK(lab.run(first).code == 0);
  CHECK(lab.run("vmfleet stop --grace 0ms -q; vmfleet up --verify --progress none").code == 0);
  CHECK(lab.run(change + "vmfleet up --progress none").code == 0);
  const Ran seen = lab.run("vmfleet stop --grace 0ms -q; vmfleet up --verify --progress none");
  CHECK(seen.code == 5);
  CHECK_THAT(seen.out, ContainsSubstring("changed since disk disk0.raw was made from it"));
  CHECK(
      lab.run("vmfleet stop --grace 0ms -q; vmfleet up --verify --recreate --progress none").code ==
      0);
  CHECK(std::ifstream(lab.machine() / "disk0.raw").get() == 'b');
  CHECK(lab.run("vmfleet stop --grace 0ms -q; vmfleet up --verify --progress none").code == 0);
}
