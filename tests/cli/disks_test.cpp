// SPDX-License-Identifier: MIT
// Disks of a fleet: what is kept, what is refused, and what an interrupted command leaves.
#include <fstream>

#include "tests/cli/program.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using test::Ran;
using test::Vmfleet;

namespace {

/// A folder `lab` with a machine `web` and this disk; commands run in it.
class Lab {
 public:
  explicit Lab(const std::string& disk) {
    std::filesystem::create_directory(world.folder() / "lab");
    write_image("a.img", 'a', 1 << 20);
    write_file(disk);
  }

  void write_image(const std::string& name, char content, std::size_t size) const {
    std::ofstream(world.folder() / "lab" / name) << std::string(size, content);
  }
  void write_file(const std::string& disk, const std::string& more = "") const {
    std::ofstream(world.folder() / "lab/vmfleet.toml")
        << "[machine.web]\naccel = \"tcg\"\nmemory = \"32M\"\nstop.grace = \"0s\"\n"
        << "kernel = \"" << std::getenv("VMFLEET_TESTKIT_DIR") << "/marker.elf\"\n"
        << more << "disk = [{ " << disk << " }]\n"
        << "ready = { serial = \"vmfleet: guest ready\" }\n";
  }
  Ran run(const std::string& line) const { return world.shell("cd lab\n" + line); }
  [[nodiscard]] std::filesystem::path machine() const { return world.state() / "lab/web"; }
  [[nodiscard]] char first_byte(const std::string& name) const {
    return static_cast<char>(std::ifstream(machine() / name).get());
  }

  Vmfleet world;
};

/// A QEMU whose qemu-img never ends.
void install_slow_qemu_img(const Vmfleet& world) {
  const auto bin = world.folder() / "lab/bin";
  std::filesystem::create_directory(bin);
  std::filesystem::create_symlink("/usr/bin/qemu-system-x86_64", bin / "qemu-system-x86_64");
  std::ofstream(bin / "qemu-img") << "#!/bin/sh\nexec sleep 1000\n";
  std::filesystem::permissions(bin / "qemu-img", std::filesystem::perms::owner_all);
}

}  // namespace

TEST_CASE("a changed disk is refused by up, and made anew by up --recreate") {
  const Lab lab("file = \"a.img\", mode = \"copy\"");
  CHECK(lab.run("vmfleet up --progress none").code == 0);
  CHECK(lab.first_byte("disk0.raw") == 'a');
  CHECK(lab.run("vmfleet stop --grace 0ms --progress none && vmfleet up --progress none").code ==
        0);
  lab.run("vmfleet stop --grace 0ms");
  SECTION("the fleet file has another file") {
    lab.write_image("b.img", 'b', 1 << 20);
    lab.write_file("file = \"b.img\", mode = \"copy\"");
  }
  SECTION("the file has another content") {
    lab.write_image("a.img", 'b', 1 << 20);
  }
  SECTION("the disk has another size") {
    lab.write_image("a.img", 'b', 1 << 20);
    lab.write_file("file = \"a.img\", mode = \"copy\", size = \"4M\"");
  }
  const Ran refused = lab.run("vmfleet up --progress none");
  CHECK(refused.code == 5);
  CHECK_THAT(refused.out, ContainsSubstring("--recreate"));
  CHECK(lab.first_byte("disk0.raw") == 'a');
  CHECK(lab.run("vmfleet up --recreate --progress none").code == 0);
  CHECK(lab.first_byte("disk0.raw") == 'b');
}

TEST_CASE("a source that changed under a machine that runs counts for --recreate only") {
  const Lab lab("file = \"a.img\", mode = \"copy\"");
  CHECK(lab.run("vmfleet up --progress none").code == 0);
  CHECK(lab.run("vmfleet up --recreate --progress none").code == 0);
  lab.write_image("a.img", 'b', 1 << 20);
  CHECK(lab.run("vmfleet up --progress none").code == 0);
  CHECK(lab.first_byte("disk0.raw") == 'a');
  CHECK(lab.run("vmfleet up --recreate --progress none").code == 0);
  CHECK(lab.first_byte("disk0.raw") == 'b');
}

TEST_CASE("a disk that became larger than asked for is told") {
  const Lab lab("file = \"a.img\", mode = \"copy\", size = \"64K\"");
  const Ran up = lab.run("vmfleet up --progress plain");
  CHECK(up.code == 0);
  CHECK_THAT(up.out, ContainsSubstring("warning: "));
  CHECK_THAT(up.out, ContainsSubstring("more than the 64K"));
  CHECK(std::filesystem::file_size(lab.machine() / "disk0.raw") == 1'153'536);
}

TEST_CASE("what kill -9 leaves of a disk that was being made is no obstacle") {
  const Lab lab("file = \"a.img\"");
  install_slow_qemu_img(lab.world);
  lab.write_file("file = \"a.img\"", "qemu = \"bin\"\n");
  const std::string part = (lab.machine() / "disk0.qcow2.part").string();
  const std::string killed =
      "\"$PROGRAM\" up --progress none & up=$!\n"
      "while [ ! -e '" +
      part +
      "' ]; do sleep 0.02; done\n"
      "kill -9 $up; wait $up\n";
  SECTION("down removes it") {
    const Ran ran = lab.run(killed + "vmfleet down");
    INFO(ran.out);
    CHECK(ran.code == 0);
    CHECK_FALSE(std::filesystem::exists(lab.machine()));
  }
  SECTION("up does not use it") {
    lab.run(killed);
    CHECK(std::filesystem::exists(part));
    std::filesystem::remove(lab.world.folder() / "lab/bin/qemu-img");
    const Ran ran = lab.run("vmfleet up --progress none");
    INFO(ran.out);
    CHECK(ran.code == 0);
    CHECK_FALSE(std::filesystem::exists(part));
    CHECK(lab.first_byte("disk0.qcow2") == 'Q');
  }
}

TEST_CASE("an up that is interrupted while it makes a disk leaves nothing") {
  const Lab lab("file = \"a.img\"");
  install_slow_qemu_img(lab.world);
  lab.write_file("file = \"a.img\"", "qemu = \"bin\"\n");
  const std::string part = (lab.machine() / "disk0.qcow2.part").string();
  const Ran ran = lab.run(
      "\"$PROGRAM\" up --progress none & up=$!\n"
      "while [ ! -e '" +
      part +
      "' ]; do sleep 0.02; done\n"
      "kill -TERM $up; wait $up");
  CHECK(ran.code == 143);
  CHECK_FALSE(std::filesystem::exists(lab.machine()));
}
