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
    : context_(context), started_(std::chrono::steady_clock::now()) {}

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
    // After a stop the shell has written below the frame, which cannot be drawn over any more: the
    // next one begins where the cursor is. After a resize it fits the new width.
    const int number = co_await signals.next();
    if (number == SIGCONT) height_ = 0;
    changed_.set();
  }
}

void LiveProgress::finish() {
  if (begun_ || changed_.is_set()) redraw();
  context_.say_above = nullptr;
}

void LiveProgress::redraw(const std::string& line_above) {
  if (!begun_) context_.say_above = [this](const std::string& line) { redraw(line); };
  begun_ = true;
  const auto elapsed =
      std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - started_);
  const Stream& stream = context_.err;
  const auto lines = draw(board_, elapsed, stream.size(), stream);
  std::string frame = "\x1b[?25l\r";
  if (height_ > 0) frame += fmt::format("\x1b[{}A", height_);
  if (!line_above.empty()) frame += line_above + "\x1b[K\n";
  for (const auto& line : lines) frame += line + "\x1b[K\n";
  frame += "\x1b[J\x1b[?25h";
  stream.try_write(frame);
  height_ = lines.size();
}

}  // namespace vmfleet::cli
