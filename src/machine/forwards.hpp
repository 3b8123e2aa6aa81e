// SPDX-License-Identifier: MIT
// Forwards of a machine: what QEMU has against what was asked for, and what an earlier life had.
// Private to this room.
#pragma once

#include <string>
#include <vector>

#include <vmfleet/instance/instance_directory.hpp>
#include <vmfleet/qemu/machine_config.hpp>
#include <vmfleet/qemu/port_forward.hpp>

#include "machine/state_record.hpp"

namespace vmfleet {

struct ForwardMatch {
  ForwardMatch() = default;

  std::vector<PortForward> ports;    ///< asked for and there, under their names
  std::vector<std::string> missing;  ///< names
};

ForwardMatch match_forwards(const MachineConfig& config, const std::vector<PortForward>& existing);

/// Empty unless the machine was of the same specification then; one without a hash never is.
/// *Errors*: none; a history that cannot be read is none.
ForwardHistory read_forward_history(const InstanceDirectory& directory,
                                    const std::string& spec_hash);

/// The forwards as they were: with the host ports that QEMU chose, with those that were added, and
/// without those that were removed; one that was added under the name of a specified one is there
/// in its place. Where somebody has a port by now, QEMU chooses another one: the warnings that are
/// given say who. Blocking.
std::vector<std::string> keep_forwards(MachineConfig& config, const ForwardHistory& history);

}  // namespace vmfleet
