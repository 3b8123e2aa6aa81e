// SPDX-License-Identifier: MIT
// vmfleet ssh, ssh-config, cp, and exec where there is no agent: logging in to a Linux guest.
#include <fstream>

#include "tests/cli/program.hpp"
#include "tests/cli/terminal.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using test::LinuxWorld;
using test::Ran;
using test::Terminal;
using test::Vmfleet;

TEST_CASE("a command is run by ssh, with its streams and its exit code") {
  const LinuxWorld world("ssh");
  const Ran ran =
      world.run({"ssh", "vm-0", "--", "echo to out; echo to err >&2; hostname | tr v V; exit 4"});
  CHECK(ran.out == "to out\nVm-0\n");
  CHECK(ran.err == "to err\n");
  CHECK(ran.code == 4);
  CHECK(world.shell("echo typed | vmfleet ssh vm-0 -- cat").out == "typed\n");

  Terminal terminal(world, {"ssh", "vm-0"});
  terminal.wait_for("# ");
  terminal.type("echo $((6 * 7)); exit 5\r");
  terminal.wait_for("42");
  CHECK(terminal.wait() == 5);
  CHECK(terminal.modes_are_unchanged());
  CHECK_FALSE(std::filesystem::exists(world.folder() / ".ssh"));
}

TEST_CASE("other programs find machines by ssh-config") {
  const LinuxWorld world("ssh");
  const Ran ran = world.shell("vmfleet ssh-config >config; ssh -F config vm-0 hostname");
  CHECK(ran.out == "vm-0\n");
  CHECK(world.run({"ssh-config", "vm-0"}).out == world.run({"ssh-config"}).out);
  const auto document = world.document({"ssh-config"});
  CHECK(document.text("schema") == "vmfleet.ssh-config/1");
  CHECK(document["machines"].as_array()->at(0).text("user") == "root");
  const Ran inner = world.run({"run", "--accel", "tcg", "--progress", "none", "--", "sh", "-c",
                               "exec ssh -F $VMFLEET_SSH_CONFIG vm-0 hostname"});
  CHECK(inner.err.empty());
  CHECK(inner.out == "vm-0\n");
}

TEST_CASE("every character that a path can have leads to a key") {
  std::string name = "begin ${HOME} %%h \\\"/";
  for (char c = 1; c != 127; ++c) {
    if (c != '/' && c != '\n') name += c;
  }
  name += "\x7f é";
  const bool fits_lines = GENERATE(true, false);
  if (!fits_lines) name += "/\nProxyCommand false";
  const LinuxWorld world("ssh", name);
  CHECK(world.run({"ssh", "vm-0", "--", "hostname"}).out == "vm-0\n");
  CHECK(world.run({"cp", "vm-0:/etc/passwd", "copy"}).code == 0);
  const Ran config = world.run({"ssh-config"});
  if (fits_lines) {
    CHECK(world.shell("vmfleet ssh-config >config; ssh -F config vm-0 hostname").out == "vm-0\n");
  } else {
    CHECK(config.code == 2);
    CHECK(config.out.empty());
    CHECK_THAT(config.err, ContainsSubstring("cannot hold a line break"));
  }
}

TEST_CASE("files are copied both ways, whole or not at all") {
  const LinuxWorld world("ssh");
  const std::string bytes = std::string("\0\n\r\xff", 4) + std::string(300'000, 'x');
  const auto content_of = [&](const char* name) {
    std::ifstream file(world.folder() / name, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  };
  std::ofstream(world.folder() / "it's a file", std::ios::binary) << bytes;
  const Ran up = world.run({"cp", "it's a file", "vm-0:/tmp"});
  CHECK(up.err.empty());
  CHECK(up.code == 0);
  CHECK(world.run({"cp", "vm-0:/tmp/it's a file", "back"}).code == 0);
  CHECK(content_of("back") == bytes);
  const auto owner_only = std::filesystem::perms::owner_read | std::filesystem::perms::owner_write;
  std::filesystem::permissions(world.folder() / "back", owner_only);
  CHECK(world.run({"cp", "back", "vm-0:/tmp/copy"}).code == 0);
  CHECK(world.run({"ssh", "vm-0", "--", "stat -c %a /tmp/copy"}).out == "600\n");
  CHECK(world.run({"cp", "vm-0:/tmp/copy", "."}).code == 0);
  CHECK(content_of("copy") == bytes);

  CHECK(world.run({"cp", "vm-0:/tmp/none", "back"}).code == 1);
  CHECK(content_of("back") == bytes);
  CHECK(world.run({"cp", "back", "vm-0:/no/such/folder/x"}).code == 1);
  CHECK(world.run({"cp", "none", "vm-0:/tmp/x"}).code == 2);
  CHECK(world.run({"cp", "back", "copy"}).code == 2);
  CHECK(world.run({"cp", ".", "vm-0:/tmp"}).code == 2);
  for (const auto& entry : std::filesystem::directory_iterator(world.folder())) {
    CHECK(entry.path().string().find(".part") == std::string::npos);
  }
}

TEST_CASE("a copy keeps the mode of a file that it replaces, and follows links") {
  const LinuxWorld world("ssh");
  const Ran ran = world.shell(
      "echo old >host; chmod 600 host; ln -s host link; ln -s fresh dangling\n"
      "vmfleet cp vm-0:/etc/passwd host; stat -c %a host; grep -c root: host\n"
      "echo old >host; vmfleet cp vm-0:/etc/passwd link; stat -c %a,%F host; grep -c root: host\n"
      "readlink link; vmfleet cp vm-0:/etc/passwd dangling; grep -c root: fresh\n"
      "readlink dangling; ln -s round round; vmfleet cp vm-0:/etc/passwd round || readlink round");
  CHECK(ran.out.rfind("600\n1\n600,regular file\n1\nhost\n1\nfresh\n", 0) == 0);
  CHECK(ran.out.substr(ran.out.size() - 6) == "round\n");
}

TEST_CASE("a copy has the mode of its source, and no other while it is written") {
  const LinuxWorld world("ssh");
  const Ran down = world.shell(
      "umask 022\nvmfleet ssh vm-0 -- 'cd /tmp; echo k >key; chmod 600 key; echo p >program; "
      "chmod 777 program; : >empty; chmod 640 empty'\n"
      "for f in key program empty; do vmfleet cp vm-0:/tmp/$f .; stat -c %a,%s $f; done");
  CHECK(down.out == "600,2\n755,2\n640,0\n");
  const Ran up = world.shell(
      "vmfleet ssh vm-0 -- 'cd /tmp; echo old >kept; chmod 640 kept; ln -s key link'\n"
      "chmod 755 program; vmfleet cp program vm-0:/tmp/kept; vmfleet cp program vm-0:/tmp/new\n"
      "vmfleet cp program vm-0:/tmp/link\n"
      "vmfleet ssh vm-0 -- 'cd /tmp; stat -c %a,%s kept new key'");
  CHECK(up.out == "640,2\n755,2\n600,2\n");
  // Seen by the guest, which has the first of the file when the rest is still to come.
  const Ran during = world.shell(
      "vmfleet ssh vm-0 -- 'mkdir /tmp/seen; ln -s /tmp/seen/x /tmp/to; (until stat -c %a "
      "/tmp/seen/x >/tmp/first 2>/dev/null; do :; done) >/dev/null 2>&1 &'\n"
      "head -c 8000000 /dev/zero >big; chmod 644 big; vmfleet cp big vm-0:/tmp/to\n"
      "vmfleet ssh vm-0 -- 'cat /tmp/first; stat -c %a /tmp/seen/x'");
  CHECK(during.out == "600\n644\n");
}

TEST_CASE("pipes are never waited for by a copy") {
  const LinuxWorld world("ssh");
  REQUIRE(world.shell("mkfifo pipe").code == 0);
  const Ran source = world.run({"cp", "pipe", "vm-0:/tmp"});
  CHECK(source.code == 2);
  CHECK_THAT(source.err, ContainsSubstring("no regular file"));
  CHECK(world.run({"cp", "vm-0:/etc/passwd", "pipe"}).code != 0);
  const Ran read = world.shell("exec 3<>pipe; vmfleet cp vm-0:/etc/passwd pipe; head -n 1 <&3");
  CHECK(read.out.rfind("root:", 0) == 0);
}

TEST_CASE("paths of a guest that begin with a dash are no options") {
  const LinuxWorld world("ssh");
  std::ofstream(world.folder() / "file") << "content\n";
  const Ran up = world.run({"cp", "file", "vm-0:-x"});
  CHECK(up.err.empty());
  CHECK(up.code == 0);
  CHECK(world.run({"cp", "vm-0:-x", "back"}).code == 0);
  CHECK(world.shell("cat back").out == "content\n");
  const Ran none = world.run({"cp", "vm-0:-none", "back"});
  CHECK(none.code == 1);
  CHECK_THAT(none.err, ContainsSubstring("not copied whole"));
}

TEST_CASE("a host without ssh is told what to install") {
  LinuxWorld world("ssh");
  std::filesystem::create_directory(world.folder() / "bin");
  const std::string path = world.environment["PATH"];
  world.environment["PATH"] = (world.folder() / "bin").string();
  const Ran ran = world.run({"ssh", "vm-0"});
  CHECK(ran.code == 125);
  CHECK_THAT(ran.err, ContainsSubstring("openssh-client"));
  CHECK(world.run({"cp", "vm-0:/etc/passwd", "x"}).code == 8);
  world.environment["PATH"] = path;
}

TEST_CASE("an agent that comes a moment after the ready guest is waited for, ssh or not") {
  const LinuxWorld world("ssh");
  const Ran ran = world.shell(
      "vmfleet ssh vm-0 -- 'until killall qemu-ga; do :; done; while pidof qemu-ga; do :; done; "
      "env -u SSH_CONNECTION setsid /etc/vmfleet/agent >/dev/null 2>&1 </dev/null &' >/dev/null "
      "2>&1\n"
      "vmfleet exec vm-0 -- sh -c 'echo by ssh: $SSH_CONNECTION.'");
  CHECK(ran.out == "by ssh: .\n");
}

TEST_CASE("a paused machine runs no program, and says so at once") {
  const LinuxWorld world("ssh");
  world.run({"pause", "vm-0"});
  const Ran ran = world.run({"exec", "vm-0", "--", "true"});
  CHECK(ran.code == 125);
  CHECK_THAT(ran.err, ContainsSubstring("vmfleet resume vm-0"));
}

TEST_CASE("where no agent answers a program is run by ssh, its arguments as they are") {
  const LinuxWorld world("ssh");
  world.run({"ssh", "vm-0", "--",
             "until killall qemu-ga; do :; done 2>/dev/null; while pidof qemu-ga; do :; done"});
  const Ran ran = world.run({"exec", "vm-0", "--", "printf", "[%s]", "", "a b", "$HOME", "it's"});
  CHECK(ran.out == "[][a b][$HOME][it's]");
  CHECK(ran.err.empty());
  CHECK(world.run({"exec", "vm-0", "--", "sh", "-c", "exit 9"}).code == 9);
}

TEST_CASE("a guest does not drive the terminal by ssh either, unless that is asked for") {
  const LinuxWorld world("ssh");
  world.run({"ssh", "vm-0", "--",
             "until killall qemu-ga; do :; done 2>/dev/null; while pidof qemu-ga; do :; done"});
  const test::Words words = {
      "exec", "vm-0",
      "--",   "sh",
      "-c",   "printf '\\033[7mout\\033[0m\\n'; printf '\\033[7merr\\033[0m\\n' >&2; cat; exit 3"};
  Terminal plain(world, words);
  plain.type("typed\r\x04");
  CHECK(plain.wait() == 3);
  CHECK_THAT(plain.output(), ContainsSubstring("out\r\n"));
  CHECK_THAT(plain.output(), ContainsSubstring("err\r\n"));
  CHECK_THAT(plain.output(), ContainsSubstring("typed\r\n"));
  CHECK(plain.output().find('\x1b') == std::string::npos);
  test::Words raw_words = words;
  raw_words.insert(raw_words.begin() + 1, "--raw");
  Terminal raw(world, raw_words);
  raw.type("\x04");
  CHECK(raw.wait() == 3);
  CHECK_THAT(raw.output(), ContainsSubstring("\x1b[7mout"));
  CHECK(world.run(words).out == "\x1b[7mout\x1b[0m\n");

  Terminal copy(world, {"cp", "vm-0:/tmp/\x1b[7mnone", "x"});
  CHECK(copy.wait() == 1);
  CHECK_THAT(copy.output(), ContainsSubstring("none"));
  CHECK(copy.output().find("\x1b[7m") == std::string::npos);
}

TEST_CASE("a machine without a forward to its port 22 is told so") {
  const Vmfleet world;
  world.run(test::up_with("marker"));
  const Ran ran = world.run({"ssh", "vm-0"});
  CHECK(ran.code == 125);
  CHECK_THAT(ran.err, ContainsSubstring("--forward ssh:22"));
  CHECK(world.run({"ssh-config"}).out.empty());
  CHECK(world.run({"ssh-config", "vm-0"}).code == 2);
  CHECK(world.run({"cp", "x", "vm-0:/tmp"}).code == 2);
  CHECK(world.run({"cp", "x", "vm-1:/tmp"}).code == 4);
}
