// SPDX-License-Identifier: MIT
// LiveProgress: the display that redraws itself on a terminal.
#pragma once

#include <vmfleet/async/event.hpp>
#include <vmfleet/async/loop.hpp>
#include <vmfleet/io/signals.hpp>

#include "cli/progress/board.hpp"
#include "cli/progress/progress.hpp"

namespace vmfleet::cli {

/// Between two frames the terminal is always as an ordinary program leaves it: the cursor is hidden
/// only within the single write of a frame, and lines are cut, never wrapped. So there is nothing
/// to restore, whichever way the process ends or is stopped.
class LiveProgress final : public Progress {
 public:
  explicit LiveProgress(Context& context);

  void expect(const std::vector<std::string>& names) override { board_.expect(names); }
  void tell(const ProgressEvent& event) override;
  Task<void> animate() override;
  void finish() override;

 private:
  void redraw(const std::string& line_above = {});
  Task<void> redraw_when_told();
  Task<void> follow_terminal();

  Context& context_;
  Board board_;
  Event changed_;
  TimePoint started_;
  std::size_t height_ = 0;  // lines of the frame on the screen, above the cursor
  bool begun_ = false;
};

}  // namespace vmfleet::cli
