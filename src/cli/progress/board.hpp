// SPDX-License-Identifier: MIT
// Board: the latest known state of every machine, and its picture for a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <vmfleet/fleet/progress.hpp>

#include "cli/stream.hpp"

namespace vmfleet::cli {

class Board {
 public:
  struct Row {
    Row() = default;
    std::string name;
    MachineState state = MachineState::created;
    Milliseconds since{0};  // when it came to this state
    std::string detail;     // the last, sanitised
  };

  void expect(const std::vector<std::string>& names);
  /// True when a machine came to another state, or the fleet-wide step changed.
  bool apply(const ProgressEvent& event);

  [[nodiscard]] const std::vector<Row>& rows() const noexcept { return rows_; }
  [[nodiscard]] const std::string& step() const noexcept { return step_; }

 private:
  std::vector<Row> rows_;
  std::string step_;
};

/// The lines of the display, none wider than the terminal and no more than it has rows: a summary,
/// then one line per machine when they all fit, else those that failed and those that are at work.
std::vector<std::string> draw(const Board& board, Milliseconds elapsed, TerminalSize size,
                              const Stream& style);

/// The colour of a state.
std::string_view color_of(MachineState state) noexcept;

}  // namespace vmfleet::cli
