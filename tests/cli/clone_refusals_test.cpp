// SPDX-License-Identifier: MIT
// What is not cloned, and why; and clones that are identical because they were asked for by name.
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include <vmfleet/testkit/guests.hpp>

#include "tests/cli/clone_world.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using test::CloneWorld;
using test::Ran;

namespace {

const std::string kReady = "ready = { serial = \"vmfleet: guest ready\" }\n";
const std::string kLinux =
    "[machine.linux]\nkernel = \"\"\nimage = \"tiny\"\nmemory = \"256M\"\n" + kReady;
const std::string kWithoutDriver =
    kLinux + "append = [\"initcall_blacklist=vmgenid_driver_init\"]\n";

/// Fleet files, in one folder.
struct RefusalWorld : CloneWorld {
  void write(const std::string& machines, const std::string& how = "auto",
             const std::string& arch = "x86_64") const {
    std::ofstream(folder() / "vmfleet.toml")
        << "fleet = \"demo\"\n[defaults]\naccel = \"tcg\"\nmemory = \"32M\"\ntemplate = \"" << how
        << "\"\nkernel = \"" << testkit::guest_path("marker", arch).string() << "\"\n"
        << machines;
  }

  [[nodiscard]] Ran on_file(const std::string& command) const {
    return in_folder("vmfleet " + command);
  }

  [[nodiscard]] Ran in_folder(const std::string& line) const {
    return shell("cd " + folder().string() + " && " + line);
  }

  [[nodiscard]] std::string memory_of(const std::string& machine) const {
    const auto file = folder() / ("memory-of-" + machine);
    const Ran saved = run({"qmp", "-p", "demo", machine, "pmemsave", "val=0", "size=33554432",
                           "filename=" + file.string()});
    INFO(saved.err);
    CHECK(saved.code == 0);
    std::ostringstream content;
    content << std::ifstream(file).rdbuf();
    return content.str();
  }
};

struct Refusal {
  const char* machine;  ///< the keys of its class, as the file has them
  const char* reason;
};

const Refusal kRefusals[] = {
    {"agent = true", "it has no readiness at which it could be saved"},
    {"ready = { exit = true }", "what it is to wait for happens only once"},
    {"ready = { event = \"RESUME\" }", "what it is to wait for happens only once"},
    {"agent = false", "it has no guest agent, which gives a clone an identity of its own"},
    {"vmgenid = false", "it has no generation id, by which a guest learns that it was cloned"},
    {"machine = \"microvm\"", "it has no generation id"},
    {"arch = \"aarch64\"", "it has no generation id"},
    {"paused = true", "it is to stay at its first instruction"},
    {"gdb = \"unix:/tmp/never-made-{index}\"", "it is to stay at its first instruction"},
    {"share = [{ type = \"9p\", path = \"/\", tag = \"all\" }]",
     "QEMU cannot save a shared folder"},
    {"net = [{ type = \"tap\", interface = \"never-{index}\" }]", "a tap is for one machine"},
    {"net = [{ type = \"lan\", lan = \"red\" }]",
     "its address on the LAN red is not the host's choice"},
    {"vsock = true", "QEMU cannot save a vhost device, part of which is the host's"},
    {"balloon = true", "a balloon would empty the memory that clones share"},
    {"qemu_args = [\"-device\", \"vfio-pci,host=0000:00:00.0\"]",
     "what is in its qemu_args may be for one machine"},
    {"append = [\"callback=10.0.2.2:{port:web}\"]\nnet = [{ type = \"user\", forward = "
     "[\"web:80\"] }]",
     "its kernel's arguments name a port of the host"},
    {"inject = [{ via = \"fw_cfg\", path = \"vmfleet/hostname\", text = \"db\" }]",
     "its hostname is injected"},
    {"inject = [{ via = \"cloud-init\", path = \"user-data\", text = \"#cloud-config\" }]",
     "what is injected via cloud-init is for one machine"},
    {"append = [\"owner={name}\"]", "its kernel's arguments name it"},
    {"inject = [{ via = \"fw_cfg\", path = \"mine/owner\", text = \"{name}\" }]",
     "what is injected into it names it"},
};

bool has_readiness(const std::string& keys) {
  return keys.rfind("ready", 0) == 0 || keys == kRefusals[0].machine;
}

}  // namespace

TEST_CASE("up tells beforehand which machines are booted, and why") {
  const RefusalWorld world;
  std::string machines;
  for (std::size_t i = 0; i < std::size(kRefusals); ++i) {
    const std::string keys = kRefusals[i].machine;
    machines += fmt::format("[machine.m{}x]\ncount = 2\n{}\n{}", i, keys,
                            has_readiness(keys) ? "" : kReady);
  }
  // Somebody on that LAN has an address that the file has chosen.
  machines +=
      "[machine.router]\nnet = [{ type = \"lan\", lan = \"red\", address = \"10.1.1.1/24\" }]\n" +
      kReady;
  world.write(machines);
  const Ran ran = world.on_file("up --dry-run 2>&1");
  INFO(ran.out);
  REQUIRE(ran.code == 0);
  CHECK_THAT(ran.out, ContainsSubstring("# to clone: router\n"));
  for (std::size_t i = 0; i < std::size(kRefusals); ++i) {
    INFO(kRefusals[i].machine);
    const std::string name = fmt::format("m{}x-1", i);
    const auto at = ran.out.find(name);
    REQUIRE(at != std::string::npos);
    bool told = false;
    std::istringstream lines(ran.out);
    for (std::string line; std::getline(lines, line);) {
      const bool is_it = line.find("# booted, not cloned: ") == 0 &&
                         line.find(kRefusals[i].reason) != std::string::npos;
      told = told || (is_it && line.find(name) != std::string::npos);
    }
    CHECK(told);
  }
}

TEST_CASE("a machine that is unlike the first one of its class is booted") {
  const RefusalWorld world;
  world.write("[machine.m]\ncount = 3\nappend = [\"number={index}\"]\n" + kReady);
  const Ran plan = world.on_file("up --dry-run 2>&1");
  INFO(plan.out);
  REQUIRE(plan.code == 0);
  CHECK_THAT(plan.out, ContainsSubstring("# to clone: m-0\n"));
  CHECK_THAT(plan.out, ContainsSubstring("# booted, not cloned: m-1 m-2: it is not like the "
                                         "others of its class\n"));
}

TEST_CASE("a guest that nobody can give an identity is booted, with the reason") {
  const RefusalWorld world;
  world.write("[machine.none]\ncount = 2\n" + kReady + kWithoutDriver);
  const Ran up = world.on_file("up 2>&1");
  INFO(up.out);
  CHECK(up.code == 0);
  CHECK(test::count_of(up.out,
                       "none is booted, not cloned: its guest cannot be cloned: nobody "
                       "could give it an identity") == 1);
  CHECK_THAT(up.out, ContainsSubstring("linux is booted, not cloned: its guest cannot be cloned: "
                                       "its kernel has no driver for the generation id"));
  CHECK(world.templates().empty());
}

TEST_CASE("a clone that cannot be given an identity is booted instead, with the reason") {
  const RefusalWorld world;
  // Its agent does it, and finds no program to make host keys with.
  world.write(kLinux +
              "inject = [{ via = \"initrd\", path = \"/etc/vmfleet/renew\", text = \"none\" }, "
              "{ via = \"initrd\", path = \"/etc/ssh/ssh_host_rsa_key\", text = \"a key\" }]\n");
  const Ran up = world.on_file("up 2>&1");
  INFO(up.out);
  CHECK(up.code == 0);
  CHECK_THAT(up.out, ContainsSubstring("linux: it is booted, for it could not be cloned: the clone "
                                       "could not be given an identity of its own: "));
  const auto ps = world.document({"ps", "-p", "demo"});
  CHECK(test::machine(ps, 0).text("state") == "ready");
  CHECK(test::machine(ps, 0).text("template").empty());
}

TEST_CASE("machines that nobody can tell apart are cloned when that is asked for by name") {
  const RefusalWorld world;
  world.write(
      "[machine.twin]\ncount = 3\nagent = false\nvmgenid = false\n"
      "append = [\"-- owner={name}\"]\n" +
      kReady);
  const Ran up = world.on_file("up --clone-identical 2>&1");
  INFO(up.out);
  REQUIRE(up.code == 0);
  CHECK_THAT(up.out, !ContainsSubstring("booted"));
  for (const char* reason :
       {"it has no guest agent", "it has no generation id", "its kernel's arguments name it"}) {
    CHECK(test::count_of(up.out, fmt::format("clones of twin are not told apart: {}", reason)) ==
          1);
  }
  const auto ps = world.document({"ps", "-p", "demo"});
  REQUIRE(world.templates().size() == 1);
  const std::string key = world.templates().front().filename().string();
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(test::machine(ps, i).text("template") == key);
    CHECK(test::machine(ps, i).flag("identical", false));
    CHECK(test::machine(ps, i).text("state") == "ready");
  }
  const std::string memory = world.memory_of("twin-0");
  CHECK(memory.size() == 32U << 20);
  CHECK(memory.find_first_not_of('\0') != std::string::npos);
  CHECK((memory == world.memory_of("twin-2")));
}

TEST_CASE("a template of identical clones serves nobody who wants others") {
  const RefusalWorld world;
  world.write(kWithoutDriver, "identical");
  const Ran first = world.on_file("up 2>&1");
  INFO(first.out);
  REQUIRE(first.code == 0);
  CHECK_THAT(first.out, ContainsSubstring("not told apart: its kernel has no driver"));
  // What can be renewed is.
  const Ran name = world.run({"exec", "-p", "demo", "linux", "--", "hostname"});
  CHECK(name.out == "linux\n");
  CHECK(world.run({"down", "-p", "demo"}).code == 0);
  REQUIRE(world.templates().size() == 1);
  const Ran plan = world.on_file("up --clone --dry-run 2>&1");
  CHECK_THAT(plan.out, ContainsSubstring("# booted, not cloned: linux: its kernel has no driver"));
  const Ran again = world.on_file("up --clone 2>&1");
  CHECK_THAT(again.out, ContainsSubstring("linux is booted, not cloned: its kernel has no driver"));
  CHECK(
      world.document({"ps", "-p", "demo"})["machines"].as_array()->at(0).text("template").empty());
}

TEST_CASE("no template is waited for that is to be made of a pipe") {
  const RefusalWorld world;
  world.write(
      "[machine.one]\ninject = [{ via = \"fw_cfg\", path = \"mine/file\", source = \"pipe\" }]\n" +
      kReady);
  const Ran up = world.in_folder("mkfifo pipe && timeout -k 5 100 \"$PROGRAM\" up");
  INFO(up.out);
  CHECK(up.code == 2);
  CHECK_THAT(up.out, ContainsSubstring("pipe is no regular file"));
}

TEST_CASE("without a cache that can be written machines are booted, with the reason") {
  const RefusalWorld world;
  world.write("[machine.one]\n" + kReady, "identical");
  const Ran up =
      world.in_folder("export XDG_CACHE_HOME=/proc/nothing && vmfleet up && vmfleet template ls");
  INFO(up.out);
  CHECK(up.code == 0);
  CHECK_THAT(up.out, ContainsSubstring("one is booted, not cloned: make /proc/nothing"));
  CHECK_THAT(up.out, ContainsSubstring("no templates yet"));
}

TEST_CASE("where a template has no room machines are booted, with what is missing") {
  const RefusalWorld world;
  world.write("[machine.one]\n" + kReady, "identical");
  const std::string small =
      "mount -t tmpfs -o size=16m none clones && export XDG_CACHE_HOME=$PWD/clones && ";
  for (const char* unshare : {"unshare -m", "unshare -rm"}) {
    const std::string begin =
        fmt::format("cd {} && {} sh -ec '{}", world.folder().string(), unshare, small);
    if (world.shell(begin + "true'").code != 0) continue;
    const Ran up = world.shell(begin + "\"$PROGRAM\" up 2>&1; \"$PROGRAM\" down'");
    INFO(up.out);
    CHECK(up.code == 0);
    CHECK_THAT(up.out, ContainsSubstring("booted, not cloned: its template needs 33 MiB of disk"));
    return;
  }
  WARN("no file systems can be mounted here");
}

TEST_CASE("a template takes its turn among the boots") {
  const RefusalWorld world;
  std::string machines;
  for (const int memory : {33, 34, 35}) {
    machines += fmt::format("[machine.m{0}]\nmemory = \"{0}M\"\n{1}", memory, kReady);
  }
  world.write(machines, "identical");
  const Ran up = world.on_file("--progress plain up --max-boot 1 2>&1");
  INFO(up.out);
  CHECK(up.code == 0);
  CHECK(world.templates().size() == 3);
  CHECK(test::count_of(up.out, "template: preparing") == 3);
  std::size_t under_way = 0;
  std::istringstream lines(up.out);
  for (std::string line; std::getline(lines, line);) {
    if (line.find("template: preparing") != std::string::npos) CHECK(++under_way == 1);
    if (line.find("template: booting") != std::string::npos) --under_way;
  }
}

TEST_CASE("machines of other architectures are cloned when that is asked for by name") {
  const RefusalWorld world;
  world.write("[machine.arm]\ncount = 2\narch = \"aarch64\"\nagent = false\n" + kReady, "identical",
              "aarch64");
  const Ran up = world.on_file("up 2>&1");
  INFO(up.out);
  REQUIRE(up.code == 0);
  CHECK_THAT(up.out, !ContainsSubstring("booted"));
  CHECK(world.templates().size() == 1);
}
