// SPDX-License-Identifier: MIT
// The end of a run: what may still live in its root.
#pragma once

#include <vmfleet/async/task.hpp>

#include "cli/context.hpp"
#include "cli/own_root.hpp"

namespace vmfleet::cli {

/// Ends what a run's program started or restarted itself, which does not die with us, and removes
/// the root when nothing lives there. *Errors*: also when it cannot be removed. *Lifetime*: both
/// outlive it.
Task<void> end_others(const Context& context, OwnRoot& root);

}  // namespace vmfleet::cli
