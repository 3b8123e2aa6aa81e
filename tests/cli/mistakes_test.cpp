// SPDX-License-Identifier: MIT
// A fleet file with many mistakes is mended in one go.
#include <fstream>

#include "tests/cli/program.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;

namespace {

constexpr const char* kTenMistakes = R"(fleet = "ten"

[machine.web]
kernel = "bzImage"
cpus = 0
memroy = "1G"
machine = "q53"
cpu = "Haswel"
append = ["role={nmae}"]

[[machine.web.disk]]
file = "root.qcow2"
mode = "overlayed"

[[machine.web.net]]
forward = ["ssh:70000"]

[machine.web.ready]
port = "http"
)";

}  // namespace

TEST_CASE("ten mistakes are ten errors with line and column, and nothing is started") {
  const test::Vmfleet world;
  const auto file = world.folder() / "ten.toml";
  std::ofstream(file) << kTenMistakes;
  const auto ran = world.run({"up", "-f", file.string()});
  CHECK(ran.code == 2);
  CHECK(ran.out.empty());
  CHECK_THAT(ran.err, ContainsSubstring("ten.toml: 10 problems\n"));
  for (const char* place :
       {"4:10: machine.web.kernel: no such file: ", "5:8: machine.web.cpus: ",
        "6:1: machine.web.memroy: ", "7:11: machine.web.machine: ", "8:7: machine.web.cpu: ",
        "9:11: machine.web.append[0]: ", "12:8: machine.web.disk[0].file: ",
        "13:8: machine.web.disk[0].mode: ", "16:12: machine.web.net[0].forward[0]: ",
        "19:8: machine.web.ready.port: "}) {
    CHECK_THAT(ran.err, ContainsSubstring(std::string("ten.toml:") + place));
  }
  CHECK_FALSE(std::filesystem::exists(world.state() / "ten"));
  const auto refused = world.document({"up", "-f", file.string()}, 2);
  CHECK(refused["error"]["evidence"].as_array()->size() == 10);
}

TEST_CASE("a tap's script that is not there is a mistake in its line") {
  const test::Vmfleet world;
  const auto file = world.folder() / "tap.toml";
  std::ofstream(file) << "[machine.a]\nimage = \"tiny\"\n[[machine.a.net]]\ntype = \"tap\"\n"
                         "interface = \"tap0\"\nup_script = \"up.sh\"\n";
  const auto ran = world.run({"up", "-f", file.string()});
  CHECK(ran.code == 2);
  CHECK_THAT(ran.err, ContainsSubstring("tap.toml:6:13: machine.a.net[0].up_script: no such file"));
}

TEST_CASE("an unknown image, and a file in a folder's place, are mistakes in their lines") {
  const test::Vmfleet world;
  const auto file = world.folder() / "kinds.toml";
  std::ofstream(file) << "[machine.a]\nimage = \"tinny\"\n[[machine.a.disk]]\nfile = \".\"\n"
                         "[[machine.a.share]]\ntype = \"9p\"\npath = \"kinds.toml\"\n";
  const auto ran = world.run({"up", "-f", file.string()});
  CHECK(ran.code == 2);
  CHECK_THAT(ran.err, ContainsSubstring("kinds.toml:2:9: machine.a.image: there is no image"));
  CHECK_THAT(ran.err, ContainsSubstring("kinds.toml:4:8: machine.a.disk[0].file: "));
  CHECK_THAT(ran.err, ContainsSubstring(" is a folder"));
  CHECK_THAT(ran.err, ContainsSubstring("kinds.toml:7:8: machine.a.share[0].path: "));
  CHECK_THAT(ran.err, ContainsSubstring(" is no folder"));
}
