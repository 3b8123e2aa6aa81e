// SPDX-License-Identifier: MIT
// The state record as JSON.
#include "machine/state_record.hpp"

#include <algorithm>
#include <array>

#include <vmfleet/instance/record.hpp>

namespace vmfleet {

namespace {

constexpr std::string_view kSchema = "vmfleet.state/1";
constexpr std::array<std::string_view, 10> kMembers = {
    "state", "started_ms",       "ready_ms",       "serial_begin", "events_begin",
    "ports", "removed_forwards", "added_forwards", "exit",         "error"};

json::Object others_in(const json::Value& body) {
  json::Object others;
  const json::Object* object = body.as_object();
  if (object == nullptr) return others;
  for (const auto& [name, value] : *object) {
    const bool known = std::find(kMembers.begin(), kMembers.end(), name) != kMembers.end();
    if (!known) others.append(name, value);
  }
  return others;
}

}  // namespace

void write_state(const InstanceDirectory& directory, const StateRecord& record) {
  json::Object body{{"state", to_string(record.state)}, {"started_ms", record.started_ms}};
  if (record.ready_after) body.set("ready_ms", std::int64_t{record.ready_after->count()});
  if (record.serial_begin > 0) body.set("serial_begin", std::int64_t(record.serial_begin));
  if (record.events_begin > 0) body.set("events_begin", std::int64_t(record.events_begin));
  json::Array ports;
  for (const auto& port : record.forwards.ports) ports.push_back(port_to_json(port));
  body.set("ports", std::move(ports));
  if (!record.forwards.removed.empty()) {
    body.set("removed_forwards", json::to_array(record.forwards.removed));
  }
  if (!record.forwards.added.empty()) {
    body.set("added_forwards", json::to_array(record.forwards.added));
  }
  if (record.exit) body.set("exit", record.exit->to_json());
  if (record.error) body.set("error", error_to_json(*record.error));
  for (const auto& [name, value] : record.others) body.append(name, value);
  write_record(directory, instance_file::kState, kSchema, body, files::Outlives::processes);
}

std::optional<StateRecord> read_state(const InstanceDirectory& directory) {
  const auto body = read_record(directory, instance_file::kState, kSchema);
  if (!body) return std::nullopt;
  StateRecord record;
  record.state = parse_machine_state(body->text("state")).value_or(MachineState::created);
  record.started_ms = body->integer("started_ms", 0);
  record.serial_begin = static_cast<std::uint64_t>(body->integer("serial_begin", 0));
  record.events_begin = static_cast<std::uint64_t>(body->integer("events_begin", 0));
  if (const auto ready = (*body)["ready_ms"].as_int()) record.ready_after = Milliseconds(*ready);
  if (const auto* ports = (*body)["ports"].as_array()) {
    for (const auto& port : *ports) record.forwards.ports.push_back(port_from_json(port));
  }
  record.forwards.removed = body->texts("removed_forwards");
  record.forwards.added = body->texts("added_forwards");
  if (const auto& exit = (*body)["exit"]; exit.is_object()) {
    record.exit.emplace();
    record.exit->kind = exit.text("kind");
    if (const auto code = exit["code"].as_int()) record.exit->code = static_cast<int>(*code);
    record.exit->reason = exit.text("reason");
    record.exit->requested = exit.flag("requested", false);
  }
  if (const auto& error = (*body)["error"]; error.is_object()) {
    record.error = error_from_json(error);
  }
  record.others = others_in(*body);
  return record;
}

}  // namespace vmfleet
