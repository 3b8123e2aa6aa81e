// SPDX-License-Identifier: MIT
// Records: small JSON files that are whole or absent, and that tell when they were damaged.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <vmfleet/base/json.hpp>
#include <vmfleet/instance/instance_directory.hpp>
#include <vmfleet/io/files.hpp>

namespace vmfleet {

/// Replaces the record atomically: `{"schema": …, "checksum": …, "body": …}`. No QEMU outlives the
/// power: what only tells of one need not either.
void write_record(const InstanceDirectory& directory, const char* name, std::string_view schema,
                  const json::Value& body, files::Outlives outlives = files::Outlives::power);

/// What is done with a damaged record.
enum class Damaged { set_aside, left };

/// The body; nullopt when there is no record.
/// *Errors*: `corrupt` when it is damaged or of another schema; it has then been set aside as
/// `<name>.corrupt`, unless it is to be left. `conflict`, with the record as it was, when it has a
/// later version of the schema.
std::optional<json::Value> read_record(const InstanceDirectory& directory, const char* name,
                                       std::string_view schema,
                                       Damaged damaged = Damaged::set_aside);

/// Whether a damaged record was set aside, and nothing has replaced it since.
bool is_lost(const InstanceDirectory& directory, const std::string& name);
/// All those, for people: `state.json was damaged, and is set aside as state.json.corrupt`.
std::vector<std::string> lost_records(const InstanceDirectory& directory);

}  // namespace vmfleet
