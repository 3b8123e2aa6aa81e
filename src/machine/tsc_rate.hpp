// SPDX-License-Identifier: MIT
// The rate of the emulated processor's time stamp counter. Private to this room.
#pragma once

#include <optional>

#include <vmfleet/qemu/machine_config.hpp>

namespace vmfleet {

/// Whether a Linux kernel there has nothing to measure its processor's clock by. It would try the
/// PIT, whose counter an emulated processor reads too irregularly on a busy host, and stand still
/// when it gives up: microvm with ACPI has neither HPET nor ACPI timer, nor the PIT's interrupt.
bool lacks_timers(const MachineConfig& config);

/// This host's rate in kHz, which is also that of an emulated guest's counter; nullopt where the
/// processor has none. Blocking, for 10 ms.
/// *Source*: QEMU's `cpu_get_host_ticks` (an emulated RDTSC is the host's); Linux's
/// `tsc_early_khz`, admin-guide/kernel-parameters.
std::optional<unsigned> host_tsc_khz();

}  // namespace vmfleet
