// SPDX-License-Identifier: MIT
// What is told while a fleet works.
#include <csignal>
#include <sstream>

#include "tests/cli/program.hpp"
#include "tests/cli/terminal.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using test::Terminal;
using test::up_with;
using test::Vmfleet;

namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace

TEST_CASE("without a terminal each change of state is a line") {
  const Vmfleet world;
  const auto ran = world.run(up_with("marker"));
  CHECK(ran.err.find('\x1b') == std::string::npos);
  const auto lines = lines_of(ran.err);
  REQUIRE(lines.size() == 3);
  CHECK_THAT(lines[0], ContainsSubstring("vm-0: starting"));
  CHECK_THAT(lines[1], ContainsSubstring("vm-0: booting"));
  CHECK_THAT(lines[2], ContainsSubstring("vm-0: ready"));
}

TEST_CASE("-v tells each step as well, -q tells none") {
  const Vmfleet world;
  const auto verbose = world.run(up_with("marker", {"-v"}));
  CHECK(lines_of(verbose.err).size() > 3);
  world.run({"down", "--grace", "0ms"});
  const auto quiet = world.run(up_with("marker", {"-q"}));
  CHECK(quiet.out.empty());
  CHECK(quiet.err.empty());
}

TEST_CASE("progress as JSON is one object for each line") {
  const Vmfleet world;
  const auto ran = world.run(up_with("marker", {"--progress", "json"}));
  const auto lines = lines_of(ran.err);
  REQUIRE(lines.size() >= 3);
  for (const auto& line : lines) {
    const auto object = json::parse(line);
    REQUIRE(object.ok());
    CHECK(object->text("schema") == "vmfleet.progress/1");
    CHECK(object->integer("elapsed_ms", -1) >= 0);
  }
  const auto last = json::parse(lines.back());
  CHECK(last->text("machine") == "vm-0");
  CHECK(last->text("state") == "ready");
}

TEST_CASE("no progress leaves the answer alone") {
  const Vmfleet world;
  const auto ran = world.run(up_with("marker", {"--progress", "none"}));
  CHECK(ran.err.empty());
  CHECK_FALSE(ran.out.empty());
}

TEST_CASE("on a terminal the display shows every machine and ends with its last state") {
  const Vmfleet world;
  Terminal terminal(world, up_with("marker", {"-n", "3"}));
  CHECK(terminal.wait() == 0);
  CHECK(terminal.cursor_is_shown());
  CHECK(terminal.modes_are_unchanged());
  const auto last_frame = terminal.output().substr(terminal.output().rfind("\x1b[?25l"));
  CHECK_THAT(last_frame, ContainsSubstring("3 ready"));
  for (const char* name : {"vm-0", "vm-1", "vm-2"}) {
    CHECK_THAT(last_frame, ContainsSubstring(name));
  }
}

TEST_CASE("between two frames the cursor is always shown") {
  const Vmfleet world;
  Terminal terminal(world, up_with("late", {"--append", "-- 1500"}));
  CHECK(terminal.wait() == 0);
  const std::string& output = terminal.output();
  std::size_t frames = 0;
  for (auto at = output.find("\x1b[?25l"); at != std::string::npos;
       at = output.find("\x1b[?25l", at + 1)) {
    const auto shown = output.find("\x1b[?25h", at);
    REQUIRE(shown != std::string::npos);
    CHECK(output.find("\x1b[?25l", at + 1) > shown);
    ++frames;
  }
  CHECK(frames >= 2);
}

TEST_CASE("after a stop and a continue the next frame does not draw over the shell") {
  const Vmfleet world;
  Terminal terminal(world, up_with("hang"));
  terminal.wait_for("booting");
  terminal.wait_for("\x1b[?25h");
  terminal.signal(SIGSTOP);
  terminal.signal(SIGCONT);
  // Frames that move up redraw; the one after the continue begins where the cursor is.
  terminal.wait_for("\x1b[?25l\r1 booting");
  terminal.signal(SIGINT);
  CHECK(terminal.wait() == 130);
}
