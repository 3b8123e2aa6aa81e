// SPDX-License-Identifier: MIT
// VMFLEET_CHECK: contract violations end the process with a message, in release builds too.
#pragma once

namespace vmfleet::detail {

/// Prints "file:line: contract violated: what" on stderr and aborts.
[[noreturn]] void check_failed(const char* file, int line, const char* what) noexcept;

}  // namespace vmfleet::detail

/// A broken contract of the caller (not bad input) is not an error value: going on would corrupt.
#define VMFLEET_CHECK(condition, what) \
  ((condition) ? static_cast<void>(0) : ::vmfleet::detail::check_failed(__FILE__, __LINE__, what))
