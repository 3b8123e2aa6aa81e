// SPDX-License-Identifier: MIT
// Exit codes of errors and of reports.
#include "cli/exit_code.hpp"

namespace vmfleet::cli {

namespace {

// Inside a report the machine exists, so what was not found is a file that its configuration names.
int code_of_error(const MachineReport& machine) noexcept {
  if (!machine.error) return kDone;
  const ErrorKind kind = machine.error->kind();
  return kind == ErrorKind::not_found ? kUsage : exit_code(kind);
}

int code_of_state(const MachineReport& machine) noexcept {
  if (machine.error) return code_of_error(machine);
  if (machine.state == MachineState::crashed) return kExited;
  return machine.state == MachineState::failed ? kFailed : kDone;
}

int common_code(const FleetReport& report, int (*code_of)(const MachineReport&) noexcept) noexcept {
  bool some_good = false;
  int common = kDone;
  for (const auto& machine : report.machines) {
    const int code = code_of(machine);
    if (code == kDone) {
      some_good = true;
    } else if (common == kDone) {
      common = code;
    } else if (common != code) {
      common = kFailed;
    }
  }
  return common != kDone && some_good ? kPartly : common;
}

}  // namespace

int exit_code(ErrorKind kind) noexcept {
  switch (kind) {
    case ErrorKind::invalid_config:
      return kUsage;
    case ErrorKind::not_found:
      return kNotFound;
    case ErrorKind::timed_out:
      return kTimedOut;
    case ErrorKind::exited:
      return kExited;
    case ErrorKind::conflict:
      return kConflict;
    case ErrorKind::host_unfit:
      return kHostUnfit;
    case ErrorKind::corrupt:
      return kCorrupt;
    case ErrorKind::unavailable:
    case ErrorKind::disconnected:
    case ErrorKind::protocol:
    case ErrorKind::internal:
      break;
  }
  return kFailed;
}

int exit_code(const FleetReport& report) noexcept {
  return common_code(report, &code_of_state);
}

int exit_code_of_errors(const FleetReport& report) noexcept {
  return common_code(report, &code_of_error);
}

int interrupted_code(int signal) noexcept {
  return 128 + signal;
}

}  // namespace vmfleet::cli
