// SPDX-License-Identifier: MIT
// How it is told what was removed, in words or as a document.
#pragma once

#include <string_view>

#include <vmfleet/fleet/garbage.hpp>

#include "cli/context.hpp"

namespace vmfleet::cli {

/// What was removed, or would be, on stdout; what stays, and the sum, on stderr.
void tell_garbage(const Context& context, const GarbageReport& report, std::string_view schema,
                  bool dry_run);
/// 1 or 3 when something should have gone, and could not.
int exit_code_of(const GarbageReport& report) noexcept;

}  // namespace vmfleet::cli
