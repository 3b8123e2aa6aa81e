// SPDX-License-Identifier: MIT
// CrashWatch: reads a console stream along and says when waiting for the guest has become useless.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <vmfleet/console/crash_patterns.hpp>
#include <vmfleet/console/matcher.hpp>

namespace vmfleet::console {

class CrashWatch {
 public:
  /// Watches for the default patterns. `offset`: the place of the first byte that will be fed.
  explicit CrashWatch(std::uint64_t offset = 0);
  /// Watches for the user's patterns instead, all of them fatal.
  /// *Errors*: `invalid_config`, see `PatternSet`.
  explicit CrashWatch(std::vector<Pattern> failures, std::uint64_t offset = 0);

  /// The first fatal crash among these bytes; a whole line is awaited, so that it tells the reason.
  std::optional<Crash> feed(std::string_view bytes);
  /// No more input is waiting: judges the open line as it is.
  std::optional<Crash> at_rest();
  /// The machine is being reset on purpose: the next boot is not the guest's doing.
  void expect_reset() noexcept;
  void restart(std::uint64_t offset) { matcher_.restart(offset); }

  /// The place in the stream of the next byte.
  [[nodiscard]] std::uint64_t offset() const noexcept { return matcher_.offset(); }
  /// What was seen and need not be the end, the oldest first; at most 32 are kept.
  [[nodiscard]] const std::vector<Crash>& warnings() const noexcept { return warnings_; }

 private:
  std::optional<Crash> judge(std::vector<Match> matches);
  std::optional<Crash> judge_default(const Match& match);
  std::optional<Crash> judge_banner(std::size_t banner, const Match& match);
  std::optional<Crash> report(Crash crash);

  Matcher matcher_;
  bool defaults_;
  std::vector<int> boots_;  // by banner
  std::optional<Crash> unconfirmed_;
  std::size_t confirmation_ = 0;  // the pattern that confirms it
  std::uint64_t unconfirmed_end_ = 0;
  std::vector<Crash> warnings_;
};

}  // namespace vmfleet::console
