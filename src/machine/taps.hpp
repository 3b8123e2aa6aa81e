// SPDX-License-Identifier: MIT
// Tap interfaces: whether QEMU will be able to use one, known before it is started. Private to this
// room.
#pragma once

#include <vmfleet/async/task.hpp>
#include <vmfleet/qemu/machine_config.hpp>

namespace vmfleet {

/// Runs the `up_script` of an interface, with the interface's name as its argument.
/// *Errors*: `unavailable` with what it printed when it does not succeed, `timed_out`, and
/// `invalid_config` when it cannot be run. *Cancellation*: ends it.
Task<void> run_up_script(Net net);

/// Blocking. *Errors*: `host_unfit` when the interface is missing, down, no tap, or may not be used
/// by this user, each with what would change that; `conflict`, naming who uses it.
void require_usable_tap(const std::string& interface);

}  // namespace vmfleet
