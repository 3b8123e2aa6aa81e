// SPDX-License-Identifier: MIT
// Reports as JSON, and back.
#include <vmfleet/machine/machine_report.hpp>

#include <array>
#include <utility>

#include <vmfleet/machine/stop.hpp>

namespace vmfleet {

namespace {

constexpr std::array<std::pair<MachineState, std::string_view>, 10> kStates = {{
    {MachineState::created, "created"},
    {MachineState::starting, "starting"},
    {MachineState::booting, "booting"},
    {MachineState::ready, "ready"},
    {MachineState::running, "running"},
    {MachineState::paused, "paused"},
    {MachineState::stopping, "stopping"},
    {MachineState::stopped, "stopped"},
    {MachineState::crashed, "crashed"},
    {MachineState::failed, "failed"},
}};

constexpr std::array kErrorKinds = {
    ErrorKind::invalid_config, ErrorKind::not_found, ErrorKind::unavailable,
    ErrorKind::disconnected,   ErrorKind::timed_out, ErrorKind::protocol,
    ErrorKind::exited,         ErrorKind::conflict,  ErrorKind::host_unfit,
    ErrorKind::corrupt,        ErrorKind::internal,
};

}  // namespace

std::string_view to_string(MachineState state) noexcept {
  for (const auto& [value, word] : kStates) {
    if (value == state) return word;
  }
  return "created";
}

std::optional<MachineState> parse_machine_state(std::string_view word) noexcept {
  for (const auto& [value, name] : kStates) {
    if (name == word) return value;
  }
  return std::nullopt;
}

std::string_view to_string(StopRung rung) noexcept {
  switch (rung) {
    case StopRung::already_stopped:
      return "already-stopped";
    case StopRung::powerdown:
      return "powerdown";
    case StopRung::quit:
      return "quit";
    case StopRung::sigterm:
      return "sigterm";
    case StopRung::sigkill:
      return "sigkill";
  }
  return "sigkill";
}

json::Value ExitReport::to_json() const {
  json::Object object{{"kind", kind}};
  if (code) object.set("code", *code);
  if (!reason.empty()) object.set("reason", reason);
  if (requested) object.set("requested", true);
  return object;
}

json::Value error_to_json(const Error& error) {
  json::Object object{{"kind", to_string(error.kind())}, {"message", error.message()}};
  if (!error.hint().empty()) object.set("hint", error.hint());
  if (!error.evidence().empty()) {
    object.set("evidence", json::Array(error.evidence().begin(), error.evidence().end()));
  }
  return object;
}

Error error_from_json(const json::Value& value) {
  ErrorKind kind = ErrorKind::internal;
  for (const ErrorKind known : kErrorKinds) {
    if (to_string(known) == value.text("kind")) kind = known;
  }
  Error error(kind, std::string(value.text("message")));
  if (!value.text("hint").empty()) error = std::move(error).hint(std::string(value.text("hint")));
  return std::move(error).evidence_lines(value.texts("evidence"));
}

json::Value port_to_json(const PortForward& port) {
  return json::Object{{"name", port.name},
                      {"proto", port.protocol},
                      {"host_addr", port.host_addr},
                      {"host", int{port.host_port}},
                      {"guest", int{port.guest_port}}};
}

PortForward port_from_json(const json::Value& value) {
  PortForward port;
  port.name = value.text("name");
  port.protocol = value.text("proto");
  port.host_addr = value.text("host_addr");
  port.host_port = static_cast<std::uint16_t>(value.integer("host", 0));
  port.guest_port = static_cast<std::uint16_t>(value.integer("guest", 0));
  return port;
}

json::Value MachineReport::to_json() const {
  json::Object object{{"name", name}, {"state", to_string(state)}};
  if (pid) object.set("pid", int{*pid});
  if (!uuid.empty()) object.set("uuid", uuid);
  if (ready_after) object.set("ready_ms", std::int64_t{ready_after->count()});
  if (!ports.empty()) {
    json::Array list;
    for (const auto& port : ports) list.push_back(port_to_json(port));
    object.set("ports", std::move(list));
  }
  if (!accel.empty()) object.set("accel", accel);
  if (!template_key.empty()) object.set("template", template_key);
  if (identical) object.set("identical", true);
  if (!snapshots.empty()) object.set("snapshots", json::to_array(snapshots));
  if (!labels.empty()) object.set("labels", json::to_object(labels));
  if (!directory.empty()) object.set("dir", directory.string());
  if (exit) object.set("exit", exit->to_json());
  if (error) object.set("error", error_to_json(*error));
  if (!warnings.empty()) object.set("warnings", json::to_array(warnings));
  return object;
}

}  // namespace vmfleet
