// SPDX-License-Identifier: MIT
// What the directory and the kernel say of a machine.
#include <vmfleet/base/text.hpp>
#include <vmfleet/instance/identity.hpp>
#include <vmfleet/instance/intent.hpp>
#include <vmfleet/instance/locks.hpp>
#include <vmfleet/machine/machine.hpp>

#include "machine/exit_report.hpp"
#include "machine/state_record.hpp"

namespace vmfleet {

namespace {

bool is_over(MachineState state) {
  return state == MachineState::stopped || state == MachineState::crashed ||
         state == MachineState::failed || state == MachineState::created;
}

/// Its records say that it lives, the kernel says that it does not.
void report_unexpected_end(const InstanceDirectory& directory, const std::optional<Intent>& intent,
                           MachineReport& report) {
  report.exit = explain_exit(directory, std::nullopt);
  if (intent && intent->boot_id != host_boot_id()) {
    report.exit->kind = "host-reboot";
    report.exit->reason = "the host was restarted";
  }
  const bool shut_down =
      report.exit->kind == "guest-shutdown" || report.exit->kind == "host-qmp-quit";
  report.state = shut_down ? MachineState::stopped : MachineState::crashed;
}

void report_life(const InstanceDirectory& directory, const std::optional<StateRecord>& record,
                 MachineReport& report) {
  if (const auto qemu = find_qemu(directory)) report.pid = qemu->pid();
  report.state = record ? record->state : MachineState::starting;
  // A record from before this life: its launch is under way, or was cut short.
  if (report.state == MachineState::created || report.state == MachineState::stopped ||
      report.state == MachineState::crashed) {
    report.state = MachineState::starting;
  }
  if (report.good() && summarize_events(directory).paused) report.state = MachineState::paused;
}

}  // namespace

MachineReport inspect_machine(const std::filesystem::path& instance_directory) {
  const auto directory = InstanceDirectory::open(instance_directory);
  MachineReport report;
  report.name = directory.path().filename().string();
  report.directory = directory.path();
  std::optional<Intent> intent;
  std::optional<StateRecord> record;
  try {
    intent = read_intent(directory);
    record = read_state(directory);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corrupt) throw;
    report.error = error;
  }
  if (intent) {
    report.uuid = intent->uuid;
    report.accel = intent->accel;
  }
  if (record) {
    report.state = record->state;
    report.ready_after = record->ready_after;
    report.exit = record->exit;
    if (record->error) report.error = record->error;
  }
  if (is_alive(directory)) {
    if (record) report.ports = record->ports;
    report_life(directory, record, report);
  } else if (OperationLock::held(directory)) {
    report.state = is_over(report.state) ? MachineState::starting : MachineState::stopping;
  } else if (!is_over(report.state)) {
    report_unexpected_end(directory, intent, report);
  }
  return report;
}

}  // namespace vmfleet
