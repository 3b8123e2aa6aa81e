// SPDX-License-Identifier: MIT
// Console: a matcher and a crash watch over one followed log.
#include <vmfleet/console/console.hpp>

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include <vmfleet/async/time.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/console/crash_watch.hpp>
#include <vmfleet/console/near_miss.hpp>
#include <vmfleet/io/file_tail.hpp>

#include "console/history.hpp"
#include "console/quiet.hpp"
#include "console/serial_input.hpp"

namespace vmfleet::console {
namespace {

constexpr Milliseconds kGuestRests(50);
constexpr std::size_t kShownLines = 10;

/// The part of `bytes` (which begin at `offset`) from `place` on.
std::string_view from_place(std::string_view bytes, std::uint64_t offset, std::uint64_t place) {
  if (place <= offset) return bytes;
  return bytes.substr(
      static_cast<std::size_t>(std::min<std::uint64_t>(place - offset, bytes.size())));
}

std::optional<Match> first_of(std::vector<Match> matches) {
  const auto first = std::min_element(matches.begin(), matches.end(),
                                      [](const Match& a, const Match& b) { return a.end < b.end; });
  if (first == matches.end()) return std::nullopt;
  return std::move(*first);
}

}  // namespace

class Console::State {
 public:
  State(Loop& on, std::filesystem::path log_path, std::filesystem::path input_path,
        std::uint64_t start)
      : loop(on),
        log(std::move(log_path)),
        input(std::move(input_path)),
        tail(loop, log, start),
        crashes(start),
        offset(start) {}

  void take(TailChunk chunk) {
    if (chunk.restarted) {
      offset = history_end_ = chunk.offset;
      crashes.restart(offset);
      crash.reset();
    }
    unread = std::move(chunk.data);
  }

  /// Matches and crashes in what was read; without a match the console then stands behind it.
  std::optional<Match> search(Matcher& matcher) {
    const std::string_view bytes = unread;
    auto match = first_of(matcher.feed(bytes));
    note(crashes.feed(from_place(bytes, offset, crashes.offset())));
    advance_to(match ? match->end : offset + bytes.size());
    return match;
  }

  std::optional<Match> search_at_rest(Matcher& matcher) {
    auto match = first_of(matcher.at_rest());
    note(crashes.at_rest());
    if (match) advance_to(match->end);
    return match;
  }

  void fail_on_crash() {
    if (!crash || reaction == OnCrash::go_on) return;
    throw Error(ErrorKind::exited,
                fmt::format("the guest crashed: {}", sanitize(trim(crash->line))))
        .hint(crash->explanation)
        .evidence_lines(shown_lines());
  }

  [[nodiscard]] std::vector<std::string> shown_lines() const {
    auto lines = history.lines();
    if (lines.size() > kShownLines) lines.erase(lines.begin(), lines.end() - kShownLines);
    for (auto& line : lines) line = sanitize(line);
    return lines;
  }

  Loop& loop;
  std::filesystem::path log;
  std::filesystem::path input;
  FileTail tail;
  CrashWatch crashes;
  std::optional<Crash> crash;
  OnCrash reaction = OnCrash::fail;
  History history;
  std::uint64_t offset;  // of the first unread byte
  std::string unread;

 private:
  std::uint64_t history_end_ = 0;

  void note(std::optional<Crash> seen) {
    if (seen && !crash) crash = std::move(seen);
  }

  void advance_to(std::uint64_t place) {
    if (place < offset) {
      // An expression was certain only after its line had gone on: read that part again.
      tail = FileTail(loop, log, place);
      unread.clear();
    } else {
      const auto count = static_cast<std::size_t>(place - offset);
      const auto read = std::string_view(unread).substr(0, count);
      history.feed(from_place(read, offset, history_end_));
      history_end_ = std::max(history_end_, place);
      unread.erase(0, count);
    }
    offset = place;
  }
};

Console::Console(Loop& loop, std::filesystem::path log, std::filesystem::path input,
                 std::uint64_t offset)
    : state_(std::make_unique<State>(loop, std::move(log), std::move(input), offset)) {}
Console::Console(Console&&) noexcept = default;
Console& Console::operator=(Console&&) noexcept = default;
Console::~Console() = default;

Task<Match> Console::wait_for(PatternSet patterns) {
  State& state = *state_;
  Matcher matcher(std::move(patterns), state.offset);
  for (;;) {
    if (state.unread.empty()) state.take(state.tail.poll());
    if (matcher.offset() != state.offset) matcher.restart(state.offset);
    if (!state.unread.empty()) {
      if (auto match = state.search(matcher)) co_return std::move(*match);
      state.fail_on_crash();
      continue;
    }
    auto chunk = co_await next_within(state.tail, kGuestRests);
    if (!chunk) {
      if (auto match = state.search_at_rest(matcher)) co_return std::move(*match);
      state.fail_on_crash();
      chunk = co_await state.tail.next();
    }
    state.take(std::move(*chunk));
  }
}

Task<Match> Console::expect(PatternSet patterns, Milliseconds timeout) {
  const PatternSet awaited = patterns;
  std::optional<Error> failure;
  try {
    co_return co_await with_timeout(timeout, wait_for(std::move(patterns)));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::timed_out) throw;
    failure = Error(ErrorKind::timed_out,
                    fmt::format("the guest did not print what was expected within {}",
                                vmfleet::to_string(timeout)));
  }
  throw explained(std::move(*failure), awaited);
}

Task<Match> Console::expect(Pattern pattern, Milliseconds timeout) {
  std::vector<Pattern> patterns;
  patterns.push_back(std::move(pattern));
  PatternSet set(std::move(patterns));
  co_return co_await expect(std::move(set), timeout);
}

Task<void> Console::send(std::string text, Milliseconds timeout) {
  return send_to_fifo(state_->input, std::move(text), timeout);
}

void Console::on_crash(OnCrash reaction) noexcept {
  state_->reaction = reaction;
}

void Console::expect_reset() noexcept {
  state_->crashes.expect_reset();
  state_->crash.reset();
}

Error Console::explained(Error error, const PatternSet& patterns) const {
  const auto lines = last_lines();
  std::vector<std::string> evidence;
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    evidence.push_back(fmt::format("expected: {}", sanitize(patterns[i].text())));
    if (const auto near = near_miss(patterns[i], lines)) {
      evidence.push_back(fmt::format("nearest:  {}", sanitize(near->line)));
    }
  }
  if (lines.empty()) evidence.emplace_back("the guest printed nothing");
  for (auto& line : state_->shown_lines()) evidence.push_back(std::move(line));
  return std::move(error).evidence_lines(evidence);
}

std::vector<std::string> Console::last_lines() const {
  return state_->history.lines();
}

std::uint64_t Console::offset() const noexcept {
  return state_->offset;
}

}  // namespace vmfleet::console
