// SPDX-License-Identifier: MIT
// Console: a conversation with a guest over its serial port.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <vmfleet/async/loop.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/base/units.hpp>
#include <vmfleet/console/matcher.hpp>

namespace vmfleet::console {

/// Reads a machine's console log from a place on, and writes to its input.
///
/// Any number of consoles read one log, each at its own place; the guest waits for none of them.
/// *Threads*: its loop's own. One task uses a console at a time.
class Console {
 public:
  enum class OnCrash { fail, go_on };

  /// `log` and `input`: `serial.log` and `serial.in` of an instance directory. `offset`: where in
  /// the log to begin. *Errors*: as `FileTail`.
  Console(Loop& loop, std::filesystem::path log, std::filesystem::path input,
          std::uint64_t offset = 0);
  Console(Console&&) noexcept;
  Console& operator=(Console&&) noexcept;
  ~Console();

  /// The first match from here on; the console then stands just after it, so that the next call
  /// finds what came after. An expression that needs the end of a line (`[#$] $`) matches the open
  /// line when the guest has printed nothing for 50 ms.
  ///
  /// *Errors*: `timed_out`, with the nearest miss and the last lines; `exited` when the guest has
  /// crashed (see `crash_patterns`). *Cancellation*: the console stands where it stood or later.
  Task<Match> expect(PatternSet patterns, Milliseconds timeout);
  Task<Match> expect(Pattern pattern, Milliseconds timeout);
  /// The same without a deadline of its own, for a caller that has one: give its error to
  /// `explained`.
  Task<Match> wait_for(PatternSet patterns);

  /// Types `text` into the guest, byte for byte: end a command with "\n" (or "\r" for a raw port).
  ///
  /// *Errors*: `disconnected` when no machine holds the port; `timed_out` when the guest does not
  /// read it. *Cancellation*: some of it may have been sent; takes up to 100 ms.
  Task<void> send(std::string text, Milliseconds timeout);

  /// What to do when the guest crashes while it is waited for; at first: fail.
  void on_crash(OnCrash reaction) noexcept;
  /// The machine is being reset by us, see `CrashWatch::expect_reset`.
  void expect_reset() noexcept;

  /// Adds what was seen instead of `patterns` to an error: the nearest miss, the last lines.
  [[nodiscard]] Error explained(Error error, const PatternSet& patterns) const;
  /// The last lines up to here, at most 100, the open one included.
  [[nodiscard]] std::vector<std::string> last_lines() const;
  /// The place in the log of the next byte.
  [[nodiscard]] std::uint64_t offset() const noexcept;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace vmfleet::console
