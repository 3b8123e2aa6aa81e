// SPDX-License-Identifier: MIT
// LogReader: a FileTail cut into lines.
#include <vmfleet/console/log_reader.hpp>

#include <utility>

#include <vmfleet/io/file_tail.hpp>

#include "console/line_splitter.hpp"
#include "console/quiet.hpp"

namespace vmfleet::console {
namespace {
constexpr Milliseconds kOpenLineRests(100);
}

class LogReader::State {
 public:
  State(Loop& loop, std::filesystem::path log, std::uint64_t offset)
      : tail(loop, std::move(log), offset) {}

  void feed(const TailChunk& chunk) {
    if (chunk.restarted) lines.restart();
    LineSplitter::Time now;
    if (following) now = std::chrono::system_clock::now();
    lines.feed(chunk.data, chunk.offset, now);
  }

  /// False at the end of the log.
  bool feed_what_is_there() {
    const TailChunk chunk = tail.poll();
    if (chunk.data.empty() && !chunk.restarted) return false;
    feed(chunk);
    return true;
  }

  FileTail tail;
  LineSplitter lines;
  bool following = false;  // the end was reached once: what comes now is new
};

LogReader::LogReader(Loop& loop, std::filesystem::path log, std::uint64_t offset)
    : state_(std::make_unique<State>(loop, std::move(log), offset)) {}
LogReader::LogReader(LogReader&&) noexcept = default;
LogReader& LogReader::operator=(LogReader&&) noexcept = default;
LogReader::~LogReader() = default;

std::optional<LogLine> LogReader::poll() {
  for (;;) {
    if (auto line = state_->lines.take()) return line;
    if (state_->feed_what_is_there()) continue;
    state_->following = true;
    return state_->lines.take_open();
  }
}

Task<LogLine> LogReader::next() {
  State& state = *state_;
  for (;;) {
    if (auto line = state.lines.take()) co_return std::move(*line);
    if (state.feed_what_is_there()) continue;
    state.following = true;
    if (!state.lines.has_open()) {
      const TailChunk chunk = co_await state.tail.next();
      state.feed(chunk);
      continue;
    }
    const auto chunk = co_await next_within(state.tail, kOpenLineRests);
    if (!chunk) co_return *state.lines.take_open();
    state.feed(*chunk);
  }
}

}  // namespace vmfleet::console
