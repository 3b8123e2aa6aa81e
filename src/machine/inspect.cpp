// SPDX-License-Identifier: MIT
// What the directory and the kernel say of a machine.
#include <fmt/format.h>

#include <vmfleet/base/text.hpp>
#include <vmfleet/instance/identity.hpp>
#include <vmfleet/instance/intent.hpp>
#include <vmfleet/instance/locks.hpp>
#include <vmfleet/instance/log_keeper.hpp>
#include <vmfleet/instance/record.hpp>
#include <vmfleet/machine/machine.hpp>

#include "machine/exit_report.hpp"
#include "machine/snapshot_record.hpp"
#include "machine/standing.hpp"
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

/// What is kept of it.
struct Records {
  Records() = default;

  std::optional<Intent> intent;
  std::optional<StateRecord> state;
  std::optional<Error> damage;
};

template <class Record>
std::optional<Record> read_or_tell(std::optional<Record> (*read)(const InstanceDirectory&),
                                   const InstanceDirectory& directory,
                                   std::optional<Error>& damage) {
  try {
    return read(directory);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corrupt) throw;
    if (!damage) damage = error;
  }
  return std::nullopt;
}

/// A damaged one is told, and keeps no other from being read.
Records read_records(const InstanceDirectory& directory) {
  Records records;
  records.intent = read_or_tell(&read_intent, directory, records.damage);
  records.state = read_or_tell(&read_state, directory, records.damage);
  return records;
}

void report_records(const InstanceDirectory& directory, const Records& records,
                    MachineReport& report) {
  if (const auto& intent = records.intent) {
    report.uuid = intent->uuid;
    report.accel = intent->accel;
    report.template_key = intent->template_key;
    report.identical = intent->identical;
    report.labels = intent->labels;
  }
  if (const auto& state = records.state) {
    report.state = state->state;
    report.ready_after = state->ready_after;
    report.exit = state->exit;
    report.error = state->error;
  } else if (is_lost(directory, instance_file::kState)) {
    report.state = MachineState::booting;  // it has lived, and what it reached is not known
  }
  report.damaged = records.damage.has_value();
  if (records.damage) {
    report.error = records.damage;
  } else {
    report.warnings = lost_records(directory);
  }
  if (records.intent && records.intent->rebuilt) {
    report.warnings.emplace_back("what it was started from is not known: its record was lost");
  }
  if (auto full = full_disk_warning(directory)) report.warnings.push_back(*std::move(full));
}

/// Since the records were read: who ended the machine wrote that down and let go of it.
bool is_written_anew(const InstanceDirectory& directory, const Records& records) {
  std::optional<Error> damage;
  const auto now = read_or_tell(&read_state, directory, damage);
  if (!now || !records.state) return now.has_value() != records.state.has_value();
  return now->state != records.state->state || now->started_ms != records.state->started_ms;
}

void report_life(const InstanceDirectory& directory, const std::optional<Intent>& intent,
                 MachineReport& report) {
  if (const auto qemu = find_qemu(directory)) report.pid = qemu->pid();
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
  report.snapshots = snapshot_tags(directory.path());
  const Records records = read_records(directory);
  const auto& intent = records.intent;
  const auto& state = records.state;
  report_records(directory, records, report);
  if (is_alive(directory)) {
    // Until it has its own, the record holds those of the life before.
    if (state && state->state != MachineState::starting) report.ports = state->forwards.ports;
    report_life(directory, intent, report);
    const auto stopped = report.pid ? stopped_by_signal(*report.pid) : std::nullopt;
    if (stopped) report.warnings.push_back(*stopped);
  } else if (OperationLock::held(directory)) {
    const bool starting = !state || is_over(report.state) || report.state == MachineState::starting;
    if (!starting) report.exit = explain_end(directory, intent);  // it is being written down
    report.state = starting ? MachineState::starting : MachineState::stopping;
  } else if (!is_over(report.state)) {
    if (is_written_anew(directory, records)) return inspect_machine(instance_directory);
    report.exit = explain_end(directory, intent);
    report.state = state_after(*report.exit);
  }
  return report;
}

}  // namespace vmfleet
