// SPDX-License-Identifier: MIT
// What the directory and the kernel say of a machine.
#include <fmt/format.h>

#include <vmfleet/base/text.hpp>
#include <vmfleet/instance/identity.hpp>
#include <vmfleet/instance/intent.hpp>
#include <vmfleet/instance/locks.hpp>
#include <vmfleet/instance/log_keeper.hpp>
#include <vmfleet/machine/machine.hpp>

#include "machine/exit_report.hpp"
#include "machine/state_record.hpp"

namespace vmfleet {

namespace {

bool is_over(MachineState state) {
  return state == MachineState::stopped || state == MachineState::crashed ||
         state == MachineState::failed || state == MachineState::created;
}

ExitReport explain_end(const InstanceDirectory& directory, const std::optional<Intent>& intent) {
  ExitReport exit =
      explain_exit(directory, std::nullopt, intent ? intent->exit_codes : ExitCodes());
  if (intent && intent->boot_id != host_boot_id()) {
    exit.kind = "host-reboot";
    exit.reason = "the host was restarted";
  }
  return exit;
}

/// Of a disk that was full again and again the last moment: `inspect` lists them all.
std::optional<std::string> full_disk_warning(const InstanceDirectory& directory) {
  const auto moments = read_full_disks(directory);
  if (moments.empty()) return std::nullopt;
  const std::string last = to_string(moments.back());
  if (moments.size() == 1) return last;
  return fmt::format("{} (the last of {} times)", last, moments.size());
}

void report_life(const InstanceDirectory& directory, const std::optional<Intent>& intent,
                 const std::optional<StateRecord>& record, MachineReport& report) {
  if (const auto qemu = find_qemu(directory)) report.pid = qemu->pid();
  report.state = record ? record->state : MachineState::starting;
  // A record from before this life: its launch is under way, or was cut short.
  if (report.state == MachineState::created || report.state == MachineState::stopped ||
      report.state == MachineState::crashed) {
    report.state = MachineState::starting;
  }
  const bool up = report.good() || report.state == MachineState::booting;
  if (up && is_paused(directory, intent.value_or(Intent()))) report.state = MachineState::paused;
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
    report.template_key = intent->template_key;
    report.labels = intent->labels;
  }
  if (record) {
    report.state = record->state;
    report.ready_after = record->ready_after;
    report.exit = record->exit;
    if (record->error) report.error = record->error;
  }
  if (auto full = full_disk_warning(directory)) report.warnings.push_back(*std::move(full));
  if (is_alive(directory)) {
    // Until it has its own, the record holds those of the life before.
    if (record && record->state != MachineState::starting) report.ports = record->ports;
    report_life(directory, intent, record, report);
  } else if (OperationLock::held(directory)) {
    const bool starting = is_over(report.state) || report.state == MachineState::starting;
    if (!starting) report.exit = explain_end(directory, intent);  // it is being written down
    report.state = starting ? MachineState::starting : MachineState::stopping;
  } else if (!is_over(report.state)) {
    report.exit = explain_end(directory, intent);
    report.state = state_after(*report.exit);
  }
  return report;
}

}  // namespace vmfleet
