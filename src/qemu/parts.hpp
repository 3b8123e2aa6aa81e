// SPDX-License-Identifier: MIT
// The parts of a command line, each adding its own options.
#pragma once

#include <string>
#include <string_view>

#include <vmfleet/qemu/machine_config.hpp>
#include <vmfleet/qemu/wires.hpp>

#include "qemu/option_list.hpp"

namespace vmfleet::qemu {

void add_wires(OptionList& options, const MachineConfig& config, const Wires& wires);
void add_disks(OptionList& options, const MachineConfig& config, const Wires& wires);
void add_nets(OptionList& options, const MachineConfig& config);
void add_shares(OptionList& options, const MachineConfig& config);
void add_cloud_disk(OptionList& options, const MachineConfig& config, const Wires& wires);
void add_injections(OptionList& options, const MachineConfig& config, const Wires& wires);
void add_small_devices(OptionList& options, const MachineConfig& config);

}  // namespace vmfleet::qemu
