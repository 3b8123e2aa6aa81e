// SPDX-License-Identifier: MIT
// A guest that stands still while a snapshot is taken of it, and goes on whatever becomes of that.
// Private to this room.
#pragma once

#include <filesystem>

#include <vmfleet/qmp/client.hpp>

#include "machine/live.hpp"

namespace vmfleet {

/// Stops it, and leaves in the folder of the snapshot that this is why: should nobody live to let
/// it go on, another command does. *Lifetime*: `client` outlives it.
Task<void> hold_guest(qmp::Client& client, std::filesystem::path folder);
/// When it was saved, or that was given up. *Lifetime*: as above.
Task<void> let_guest_go_on(qmp::Client& client, std::filesystem::path folder);

/// Whether a guest is held for one of these snapshots, which is being taken; or was, by a command
/// that was killed, when nobody has the machine's lock.
bool holds_guest(const std::filesystem::path& snapshots);
/// When a command that took a snapshot was killed: lets the guest go on, and removes what there
/// was. Under its lock. *Errors*: those of QMP.
Task<void> end_abandoned_snapshot(Machine::Live& live);

}  // namespace vmfleet
