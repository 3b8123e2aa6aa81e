// SPDX-License-Identifier: MIT
// Records that were lost while the machine lives: what QEMU and the kernel tell, written anew.
// Private to this room.
#pragma once

#include "machine/live.hpp"

namespace vmfleet {

/// Leaves where a rebuilt intent finds it when this life began, by which it is told from others.
void mark_beginning(const InstanceDirectory& directory, std::int64_t created_ms);

/// What can be known of a machine whose intent was lost: its command line and what is in that.
/// Blocking. *Source*: proc(5), /proc/PID/cmdline.
Intent intent_of_qemu(const InstanceDirectory& directory, const Pidfd& qemu);

/// Records a machine that lives anew, as far as its records were lost: what its intent was, its
/// ports, and that its readiness is not known yet. Leaves all to another command that works on the
/// machine, and when the guest has never run: its launch was cut off then. *Errors*: those of QMP.
Task<void> rebuild_records(Machine::Live& live);

}  // namespace vmfleet
