// SPDX-License-Identifier: MIT
// Frames, at most ten in a second, and one a second for the clock.
#include "cli/progress/live.hpp"

#include <csignal>

#include <fmt/format.h>

#include <vmfleet/async/time.hpp>
#include <vmfleet/async/when.hpp>

namespace vmfleet::cli {

namespace {

constexpr Milliseconds kBetweenFrames{100};
constexpr Milliseconds kClockTick{1000};

}  // namespace

LiveProgress::LiveProgress(Context& context)
    : stream_(context.err), started_(std::chrono::steady_clock::now()) {}

void LiveProgress::tell(const ProgressEvent& event) {
  board_.apply(event);
  changed_.set();
}

Task<void> LiveProgress::animate() {
  co_await when_all(redraw_when_told(), follow_terminal());
}

Task<void> LiveProgress::redraw_when_told() {
  for (;;) {
    // The first frame waits for something to show: a command that is done at once shows nothing.
    if (begun_) {
      co_await when_any(changed_.wait(), sleep_for(kClockTick));
    } else {
      co_await changed_.wait();
    }
    changed_.clear();
    redraw();
    co_await sleep_for(kBetweenFrames);
  }
}

Task<void> LiveProgress::follow_terminal() {
  Loop& loop = co_await current_loop();
  std::vector<int> numbers;
  numbers.push_back(SIGWINCH);
  numbers.push_back(SIGCONT);
  Signals signals(loop, numbers);
  for (;;) {
    // After a stop the shell has written below the frame; after a resize lines may have been
    // wrapped anew. Neither can be drawn over: the next frame begins where the cursor is.
    const int number = co_await signals.next();
    if (number == SIGCONT) height_ = 0;
    changed_.set();
  }
}

void LiveProgress::finish() {
  if (begun_ || changed_.is_set()) redraw();
}

void LiveProgress::redraw() {
  begun_ = true;
  const auto elapsed =
      std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - started_);
  const auto lines = draw(board_, elapsed, stream_.size(), stream_);
  std::string frame = "\x1b[?25l\r";
  if (height_ > 0) frame += fmt::format("\x1b[{}A", height_);
  for (const auto& line : lines) frame += line + "\x1b[K\n";
  frame += "\x1b[J\x1b[?25h";
  stream_.try_write(frame);
  height_ = lines.size();
}

}  // namespace vmfleet::cli
