// SPDX-License-Identifier: MIT
// Measuring the time stamp counter against the clock.
#include "machine/tsc_rate.hpp"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <thread>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace vmfleet {

bool lacks_timers(const MachineConfig& config) {
  // Counting instructions it has a clock of its own, of a rate that QEMU knows alone.
  const auto& given = config.qemu_args;
  const bool counts = std::any_of(given.begin(), given.end(), [](const std::string& word) {
    return word == "-icount" || word == "--icount";
  });
  return config.arch == Arch::x86_64 && config.accel == Accelerator::tcg &&
         config.machine.rfind("microvm", 0) == 0 && !config.kernel.empty() && !counts;
}

#if defined(__x86_64__)

namespace {

/// One after the other as closely as can be: of several looks the quickest.
struct TwoClocks {
  std::uint64_t ticks = 0;
  std::int64_t nanoseconds = 0;

  static std::int64_t now() {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC_RAW, &time);
    return time.tv_sec * 1'000'000'000 + time.tv_nsec;
  }

  static TwoClocks read() {
    constexpr int kLooks = 5;
    TwoClocks best;
    std::int64_t shortest = INT64_MAX;
    for (int look = 0; look < kLooks; ++look) {
      const std::int64_t before = now();
      const std::uint64_t ticks = __rdtsc();
      const std::int64_t took = now() - before;
      if (took >= shortest) continue;
      shortest = took;
      best.ticks = ticks;
      best.nanoseconds = before + took / 2;
    }
    return best;
  }
};

}  // namespace

std::optional<unsigned> host_tsc_khz() {
  const TwoClocks begin = TwoClocks::read();
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
  const TwoClocks end = TwoClocks::read();
  const auto ticks = static_cast<double>(end.ticks - begin.ticks);
  const auto milliseconds = static_cast<double>(end.nanoseconds - begin.nanoseconds) / 1e6;
  return static_cast<unsigned>(ticks / milliseconds + 0.5);
}

#else

std::optional<unsigned> host_tsc_khz() {
  return std::nullopt;
}

#endif

}  // namespace vmfleet
