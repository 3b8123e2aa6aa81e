// SPDX-License-Identifier: MIT
// MachineReport: everything known of one machine at one moment, dead or alive.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <vmfleet/base/error.hpp>
#include <vmfleet/base/json.hpp>
#include <vmfleet/base/units.hpp>
#include <vmfleet/qemu/port_forward.hpp>

namespace vmfleet {

enum class MachineState {
  created,   ///< its directory exists, nothing was started
  starting,  ///< QEMU is being started
  booting,   ///< the guest runs, its readiness is not known yet
  ready,     ///< all that was asked for was seen
  running,   ///< it runs, and no readiness was asked for
  paused,
  stopping,
  stopped,  ///< it ended as it was told to
  crashed,  ///< it ended, and nobody had told it to
  failed,   ///< it did not become ready
};

std::string_view to_string(MachineState state) noexcept;
/// nullopt for a word that is no state.
std::optional<MachineState> parse_machine_state(std::string_view word) noexcept;

/// How QEMU and the guest ended.
struct ExitReport {
  ExitReport() = default;

  /// `guest-shutdown`, `guest-reset`, `guest-panic`, `host-qmp-quit`, `host-signal`… (QEMU's own
  /// words for it), or `guest-exit` (a status that `exit_codes` names), `killed`, `qemu-error`,
  /// `unknown`.
  std::string kind = "unknown";
  std::optional<int> code;  ///< QEMU's exit status, when we were its parent
  std::string reason;       ///< for people
  bool requested = false;   ///< a command ended it: stop, down, kill…

  [[nodiscard]] json::Value to_json() const;
};

struct MachineReport {
  MachineReport() = default;

  std::string name;
  MachineState state = MachineState::created;
  std::optional<pid_t> pid;
  std::string uuid;
  std::optional<Milliseconds> ready_after;  ///< from the first instruction to readiness
  std::vector<PortForward> ports;
  std::string accel;
  std::string template_key;  ///< of the template that it was cloned from; else empty
  bool identical = false;    ///< to its other clones, in what should be its own
  std::map<std::string, std::string> labels;
  std::vector<std::string> snapshots;  ///< their tags
  std::filesystem::path directory;
  std::optional<ExitReport> exit;
  std::optional<Error> error;
  bool damaged = false;               ///< `error` is not of its life, but of what is kept of it
  std::vector<std::string> warnings;  ///< what is not as it should be: lost output, lost records

  /// As documented for `up`, `ps` and `down`; absent fields are omitted.
  [[nodiscard]] json::Value to_json() const;
  /// Ready, or running when no readiness was asked for.
  [[nodiscard]] bool good() const noexcept {
    return state == MachineState::ready || state == MachineState::running;
  }
};

/// `{"kind", "message", "hint", "evidence": […]}`.
json::Value error_to_json(const Error& error);
Error error_from_json(const json::Value& value);

json::Value port_to_json(const PortForward& port);
PortForward port_from_json(const json::Value& value);

}  // namespace vmfleet
