// SPDX-License-Identifier: MIT
// The identity gate: what clones of one machine must not have in common. Private to this room.
#pragma once

#include <vmfleet/machine/template.hpp>

#include "machine/lan_identity.hpp"
#include "machine/live.hpp"

namespace vmfleet {

/// Of a guest that is about to be saved: by what means its clones can be told apart, and what is
/// missing for that beside what `why_not_unique` tells.
Task<Uniqueness> look_at_guest(Machine::Live& live);
/// For those who want no others.
Error refusal_of(const Uniqueness& guest);

/// In a clone that runs: random bytes, clock, hostname, machine id, host keys and addresses on LANs
/// of its own. Returns when the guest has said that it has them. *Errors*: `unavailable`, with its
/// words; `timed_out`.
Task<void> renew_identity(Machine::Live& live, LanIdentity lans, Renewal by);

/// In a guest that was set back: random bytes, and the time of now. *Errors*: as `renew_identity`,
/// also when no agent is there.
Task<void> renew_moment(Machine::Live& live);

}  // namespace vmfleet
