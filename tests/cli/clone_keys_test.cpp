// SPDX-License-Identifier: MIT
// Servers that have the host keys of a template in their memory.
#include <sys/stat.h>

#include <fstream>

#include "tests/cli/clone_world.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using test::CloneWorld;
using test::Ran;

namespace {

/// A `tiny` in which programs of ours are in the place of others.
struct KeyWorld : CloneWorld {
  KeyWorld() {
    write("vmfleet.toml", R"(
fleet = "demo"
[machine.linux]
image = "tiny"
accel = "tcg"
template = "auto"
ready = { serial = "sshd does not listen" }
)");
  }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder() / name, std::ios::app) << text;
  }

  void put(const std::string& path, const std::string& script) const {
    const std::string name = std::filesystem::path(path).filename();
    write(name, "#!/bin/sh\n" + script);
    ::chmod((folder() / name).c_str(), 0755);
    write("vmfleet.toml", "[[machine.linux.inject]]\nvia = \"initrd\"\npath = \"" + path +
                              "\"\nsource = \"" + name + "\"\n");
  }

  [[nodiscard]] Ran up() const { return shell("cd " + folder().string() + " && vmfleet up"); }
};

}  // namespace

TEST_CASE("a server that would keep its keys is not cloned") {
  const KeyWorld world;
  world.put("/usr/sbin/dropbear", "[ \"$1\" = serve ] || { \"$0\" serve & exit; }\nsleep 100000\n");
  const Ran up = world.up();
  INFO(up.out);
  CHECK(up.code == 0);
  CHECK_THAT(up.out, ContainsSubstring("linux is booted, not cloned: its guest cannot be cloned: "
                                       "its dropbear runs without -R"));
  CHECK(world.templates().empty());
}

TEST_CASE("the server of a clone is told of its new keys") {
  const KeyWorld world;
  world.put("/usr/sbin/dropbear", "/usr/sbin/sshd &\n");
  world.put("/usr/sbin/sshd",
            "trap 'cat /etc/ssh/ssh_host_rsa_key >/run/heard' HUP\n"
            "echo $$ >/run/sshd.pid\n"
            "while :; do sleep 1000 & wait; done\n");
  world.put("/usr/bin/ssh-keygen", "echo new >/etc/ssh/ssh_host_rsa_key\n");
  world.put("/etc/ssh/ssh_host_rsa_key", "old\n");
  world.put("/etc/vmfleet/renew", "exit 1\n");  // so that its agent does it
  const Ran up = world.up();
  INFO(up.out);
  REQUIRE(up.code == 0);
  CHECK_THAT(up.out, !ContainsSubstring("booted"));
  const Ran heard = world.run({"exec", "-p", "demo", "linux", "--", "sh", "-c",
                               "until [ -s /run/heard ]; do sleep 0.1; done; cat /run/heard"});
  CHECK(heard.out == "new\n");
}
