// SPDX-License-Identifier: MIT
// Probes: looking into a guest through its forwarded ports. Private to this room.
#pragma once

#include <string>
#include <string_view>

#include <vmfleet/async/task.hpp>
#include <vmfleet/qemu/port_forward.hpp>

namespace vmfleet {

/// Connects until the guest sends bytes that begin with `prefix` (any bytes when it is empty), and
/// gives the first line of them. Only a cancellation ends it otherwise.
///
/// A connection alone proves nothing: QEMU accepts it whether or not the guest listens. What came
/// of each attempt is left in `last_attempt`, for whoever gives up.
Task<std::string> probe_port(PortForward port, std::string_view prefix, std::string* last_attempt);

}  // namespace vmfleet
