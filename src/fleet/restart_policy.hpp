// SPDX-License-Identifier: MIT
// When a machine that has ended is started again, and how soon. Private to this room.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include <vmfleet/base/units.hpp>
#include <vmfleet/fleet/fleet_spec.hpp>
#include <vmfleet/machine/machine.hpp>

namespace vmfleet {

/// `exit_codes` are the machine's own.
bool should_restart(RestartPolicy policy, const ExitReport& exit,
                    const std::map<int, std::string>& exit_codes);

/// `exit`, as its parent saw it, with what the machine's directory knows besides. A machine that
/// was removed, or started again by another command, was ended on request. Blocking.
ExitReport with_request(ExitReport exit, const std::filesystem::path& instance_directory);

/// Twice as long each time, up to a limit.
class BackOff {
 public:
  static constexpr Milliseconds kFirst{100};
  static constexpr Milliseconds kLongest{60'000};
  /// Whoever has been up for so long begins anew.
  static constexpr Milliseconds kSteady{10'000};

  Milliseconds next() noexcept;
  void reset() noexcept { *this = BackOff(); }
  /// How often it was asked.
  [[nodiscard]] std::size_t count() const noexcept { return count_; }

 private:
  Milliseconds next_ = kFirst;
  std::size_t count_ = 0;
};

/// For people: why, which time, and when.
std::string describe_restart(std::string_view why, std::size_t time, Milliseconds wait);

}  // namespace vmfleet
