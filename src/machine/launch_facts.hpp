// SPDX-License-Identifier: MIT
// What is known of a machine before it is launched. Private to this room.
#pragma once

#include <filesystem>
#include <string>

#include <vmfleet/base/json.hpp>
#include <vmfleet/instance/intent.hpp>
#include <vmfleet/machine/machine.hpp>
#include <vmfleet/machine/readiness.hpp>
#include <vmfleet/qemu/machine_config.hpp>

namespace vmfleet {

/// The same for a machine's whole life, and known before it exists: of this host and this
/// directory.
std::string derive_uuid(const std::filesystem::path& instance_directory);
/// Fleets of one name in different state roots, or of different users, share no LAN.
std::string derive_lan_scope(const std::filesystem::path& instance_directory);

/// Forwards by name, for the records.
json::Value forwards_to_json(const MachineConfig& config);
/// What of a machine's configuration and launch is recorded.
void describe_launch(Intent& intent, const MachineConfig& config, const LaunchOptions& options);

/// Whether nothing will tell of the guest: no network, no readiness, and a kernel that is told to
/// write to no serial port. Of guests that boot by themselves nothing is known.
bool is_out_of_sight(const MachineConfig& config, const Readiness& readiness);

}  // namespace vmfleet
