// SPDX-License-Identifier: MIT
// CrashWatch: one pattern set for all machines, and the judgement that needs more than one line.
#include <vmfleet/console/crash_watch.hpp>

#include <algorithm>
#include <string>

#include <fmt/format.h>

namespace vmfleet::console {
namespace {

constexpr std::size_t kMostWarnings = 32;
constexpr int kBootsOfALoop = 3;       // one reset of its own is normal: first boots, updates
constexpr std::uint64_t kLineEnd = 3;  // \r\r\n at most
constexpr std::string_view kRestOfLine = ".*$";

/// The default patterns in order, then their confirmations, then the banners.
struct Defaults {
  Defaults() : set(all()) {}
  std::vector<Pattern> all() {
    std::vector<Pattern> patterns;
    const auto add = [&](std::string_view regex) {
      patterns.push_back(Pattern::regex(std::string(regex) + std::string(kRestOfLine)));
    };
    for (const auto& pattern : crash_patterns()) add(pattern.regex);
    confirmation.resize(patterns.size());
    for (std::size_t i = 0; i < crash_patterns().size(); ++i) {
      const auto regex = crash_patterns()[i].confirmed_by;
      if (regex.empty()) continue;
      confirmation[i] = patterns.size();
      add(regex);
    }
    first_banner = patterns.size();
    for (const auto& banner : boot_banners()) add(banner);
    return patterns;
  }

  std::vector<std::size_t> confirmation;  // by pattern; 0: it needs none
  std::size_t first_banner = 0;
  PatternSet set;
};

const Defaults& defaults() {
  static const Defaults kShared;
  return kShared;
}

Crash crash_of(const Match& match, CrashKind kind, Severity severity, std::string explanation) {
  Crash crash;
  crash.kind = kind;
  crash.severity = severity;
  crash.offset = match.offset;
  crash.line = match.line;
  crash.explanation = std::move(explanation);
  return crash;
}

}  // namespace

CrashWatch::CrashWatch(std::uint64_t offset)
    : matcher_(defaults().set, offset), defaults_(true), boots_(boot_banners().size()) {}

CrashWatch::CrashWatch(std::vector<Pattern> failures, std::uint64_t offset)
    : matcher_(PatternSet(std::move(failures)), offset), defaults_(false) {}

std::optional<Crash> CrashWatch::feed(std::string_view bytes) {
  return judge(matcher_.feed(bytes));
}

std::optional<Crash> CrashWatch::at_rest() {
  return judge(matcher_.at_rest());
}

void CrashWatch::expect_reset() noexcept {
  std::fill(boots_.begin(), boots_.end(), 0);
}

std::optional<Crash> CrashWatch::judge(std::vector<Match> matches) {
  // All expressions reach to the end of their line: of those on one line the first one counts.
  std::sort(matches.begin(), matches.end(), [](const Match& a, const Match& b) {
    return a.end != b.end ? a.end < b.end : a.pattern < b.pattern;
  });
  std::optional<std::uint64_t> judged;
  for (const Match& match : matches) {
    if (!defaults_) {
      return crash_of(match, CrashKind::declared, Severity::fatal,
                      "the console printed what the specification names as a failure");
    }
    if (judged == match.end) continue;
    judged = match.end;
    if (auto crash = judge_default(match)) return crash;
  }
  return std::nullopt;
}

std::optional<Crash> CrashWatch::judge_default(const Match& match) {
  const Defaults& known = defaults();
  if (match.pattern >= known.first_banner) {
    return judge_banner(match.pattern - known.first_banner, match);
  }
  if (match.pattern >= crash_patterns().size()) {
    const bool next_line = match.offset - unconfirmed_end_ <= kLineEnd;
    if (!unconfirmed_ || confirmation_ != match.pattern || !next_line) return std::nullopt;
    return report(std::move(*unconfirmed_));
  }
  const CrashPattern& pattern = crash_patterns()[match.pattern];
  Crash crash = crash_of(match, pattern.kind, pattern.severity, std::string(pattern.explanation));
  if (pattern.confirmed_by.empty()) return report(std::move(crash));
  unconfirmed_ = std::move(crash);
  unconfirmed_end_ = match.end;
  confirmation_ = known.confirmation[match.pattern];
  return std::nullopt;
}

std::optional<Crash> CrashWatch::judge_banner(std::size_t banner, const Match& match) {
  const int boots = ++boots_[banner];
  if (boots == 1) return std::nullopt;
  return report(crash_of(
      match, CrashKind::reset_loop, boots < kBootsOfALoop ? Severity::warning : Severity::fatal,
      fmt::format("the guest has started {} times: it resets itself (a triple fault or panic=-1 in "
                  "a kernel too early to print, a watchdog, or a reboot on purpose)",
                  boots)));
}

std::optional<Crash> CrashWatch::report(Crash crash) {
  if (crash.severity == Severity::fatal) return crash;
  if (warnings_.size() < kMostWarnings) warnings_.push_back(std::move(crash));
  return std::nullopt;
}

}  // namespace vmfleet::console
