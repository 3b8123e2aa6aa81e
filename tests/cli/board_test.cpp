// SPDX-License-Identifier: MIT
#include "cli/progress/board.hpp"

#include <fcntl.h>

#include <vmfleet/base/text.hpp>

#include "cli/columns.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using namespace vmfleet::cli;

namespace {

ProgressEvent event(std::string machine, MachineState state, int ms, std::string detail = "") {
  ProgressEvent event;
  event.machine = std::move(machine);
  event.state = state;
  event.elapsed = Milliseconds(ms);
  event.detail = std::move(detail);
  return event;
}

TerminalSize size(std::size_t rows, std::size_t columns) {
  TerminalSize size;
  size.rows = rows;
  size.columns = columns;
  return size;
}

const Stream kPlain(-1, ColorMode::never);

}  // namespace

TEST_CASE("the display has a summary and a line for each machine") {
  Board board;
  board.expect({"web-0", "web-1", "web-2"});
  board.apply(event("web-0", MachineState::booting, 100, "booting"));
  board.apply(event("web-0", MachineState::ready, 2100));
  board.apply(event("web-1", MachineState::booting, 150, "booting"));
  CHECK(join(draw(board, Milliseconds(3000), size(24, 80), kPlain), "\n") ==
        "1 created · 1 booting · 1 ready · 3.0 s\n"
        "  web-0  ready          2.1 s  \n"
        "  web-1  booting        3.0 s  \n"
        "  web-2  created               ");
}

TEST_CASE("no line is wider than the terminal, whatever the guest said") {
  Board board;
  board.apply(event("web-0", MachineState::booting, 0, std::string(500, 'x')));
  board.apply(event("web-1", MachineState::failed, 0, "漢字かな\x1b[2J" + std::string(90, 'y')));
  for (std::size_t columns = 1; columns <= 100; ++columns) {
    for (const auto& line : draw(board, Milliseconds(1), size(24, columns), kPlain)) {
      CHECK(display_width(line) <= columns);
      CHECK(line.find('\x1b') == std::string::npos);
    }
  }
}

TEST_CASE("a display with more machines than rows shows failures first, then those at work") {
  Board board;
  for (int i = 0; i < 50; ++i) board.apply(event("m" + std::to_string(i), MachineState::ready, 1));
  board.apply(event("m20", MachineState::booting, 1));
  board.apply(event("m30", MachineState::failed, 1, "why"));
  const auto lines = draw(board, Milliseconds(5), size(10, 80), kPlain);
  REQUIRE(lines.size() == 3);
  CHECK_THAT(lines[0], ContainsSubstring("48 ready"));
  CHECK_THAT(lines[1], ContainsSubstring("m30"));
  CHECK_THAT(lines[2], ContainsSubstring("m20"));
}

TEST_CASE("the display always leaves a row for the cursor") {
  Board board;
  for (int i = 0; i < 50; ++i) {
    board.apply(event("m" + std::to_string(i), MachineState::booting, 1));
  }
  for (std::size_t rows = 2; rows < 60; ++rows) {
    CHECK(draw(board, Milliseconds(5), size(rows, 80), kPlain).size() < rows);
  }
}

TEST_CASE("a board tells a change of state from a new detail") {
  Board board;
  CHECK(board.apply(event("a", MachineState::starting, 0, "preparing")));
  CHECK_FALSE(board.apply(event("a", MachineState::starting, 1, "spawning")));
  CHECK(board.apply(event("a", MachineState::booting, 2)));
  CHECK(board.apply(event("", MachineState::created, 3, "building an image")));
  CHECK_FALSE(board.apply(event("", MachineState::created, 4, "building an image")));
}
