// SPDX-License-Identifier: MIT
// Talking with the program in the guest `tiny` that gives a clone its identity. Private to this
// room.
#pragma once

#include "machine/lan_identity.hpp"
#include "machine/live.hpp"

namespace vmfleet {

/// Returns when the guest has said that it has all of it. *Errors*: `unavailable`, `disconnected`,
/// `protocol`.
Task<void> renew_by_port(Machine::Live& live, LanIdentity lans);

}  // namespace vmfleet
