// SPDX-License-Identifier: MIT
// A KVM that is there and does not work, or is not there: the right accelerator, or why not.
#include <fstream>

#include "tests/cli/program.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using test::Ran;
using test::up_with;
using test::Vmfleet;

namespace {

struct Broken {
  const char* how;
  const char* commands;  // of a shell, in a mount namespace of its own
  const char* reason;
};

// What programs need of /dev, without kvm; then kvm as it is to be. A file system without devices
// is how root is denied one.
constexpr Broken kWays[] = {
    {"absent", "", "there is no /dev/kvm"},
    {"denied",
     "mount -t tmpfs -o nodev none apart && mknod apart/kvm c 10 232 && touch dev/kvm && "
     "mount --bind apart/kvm dev/kvm",
     "Permission denied"},
    {"not a device", "echo text >dev/kvm", "ended with"},
    {"another device", "touch dev/kvm && mount --bind /dev/null dev/kvm", "ended with"},
};

/// The program in a world whose /dev/kvm is broken so.
Ran run_where(const Vmfleet& world, const Broken& broken, const std::string& arguments) {
  std::ofstream(world.folder() / "break.sh")
      << "set -e\nrm -rf dev apart\nmkdir dev apart\nmount -t tmpfs none dev\n"
         "for node in null zero full random urandom; do\n"
         "  touch dev/$node\n  mount --bind /dev/$node dev/$node\ndone\n"
      << broken.commands << "\nmount --rbind dev /dev\nexec \"$@\"\n";
  return world.shell("exec unshare --mount sh break.sh \"$PROGRAM\" " + arguments);
}

std::string joined(const test::Words& words) {
  std::string line;
  for (const auto& word : words) line += "'" + word + "' ";
  return line;
}

}  // namespace

TEST_CASE("a KVM that does not work is not used, and refused with its reason when asked for") {
  for (const Broken& broken : kWays) {
    const Vmfleet world;
    INFO(broken.how);
    auto words = up_with("marker");
    for (auto& word : words) {
      if (word == "tcg") word = "kvm";
    }
    const Ran refused = run_where(world, broken, joined(words));
    INFO(refused.out);
    CHECK(refused.code == 8);
    CHECK_THAT(refused.out, ContainsSubstring("KVM was asked for and is not usable"));
    CHECK_THAT(refused.out, ContainsSubstring(broken.reason));
    CHECK_THAT(refused.out, ContainsSubstring("--accel tcg"));
    for (auto& word : words) {
      if (word == "kvm") word = "auto";
    }
    const Ran up = run_where(world, broken, joined(words));
    INFO(up.out);
    REQUIRE(up.code == 0);
    const auto ps = world.document({"ps"});
    CHECK(ps["machines"].as_array()->front().text("accel") == "tcg");
  }
}
