// SPDX-License-Identifier: MIT
// Exit codes: the one place where outcomes become numbers.
#pragma once

#include <vmfleet/base/error.hpp>
#include <vmfleet/fleet/fleet_report.hpp>

namespace vmfleet::cli {

inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;
inline constexpr int kUsage = 2;
inline constexpr int kPartly = 3;
inline constexpr int kNotFound = 4;
inline constexpr int kConflict = 5;
inline constexpr int kTimedOut = 6;
inline constexpr int kExited = 7;
inline constexpr int kHostUnfit = 8;
inline constexpr int kCorrupt = 9;
/// vmfleet's own failure, where every other code is that of the program that it ran.
inline constexpr int kOwnFailure = 125;

/// Of a command that failed as a whole.
int exit_code(ErrorKind kind) noexcept;
/// Of a command in which each machine has its own outcome: what they have in common.
int exit_code(const FleetReport& report) noexcept;
/// The same when only errors count: a machine that had crashed is stopped as well as any.
int exit_code_of_errors(const FleetReport& report) noexcept;
/// As shells say it: 128 and the signal's number.
int interrupted_code(int signal) noexcept;

}  // namespace vmfleet::cli
