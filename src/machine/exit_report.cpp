// SPDX-License-Identifier: MIT
// Reading a machine's end from its logs.
#include "machine/exit_report.hpp"

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>
#include <vmfleet/io/files.hpp>
#include <vmfleet/qmp/event_log.hpp>

namespace vmfleet {

namespace {

constexpr Bytes kEnd(64 * 1024);

std::string for_people(std::string_view shutdown_reason) {
  if (shutdown_reason == "guest-shutdown") return "the guest shut down";
  if (shutdown_reason == "guest-reset") return "the guest reset itself";
  if (shutdown_reason == "guest-panic") return "the guest panicked";
  if (shutdown_reason == "host-qmp-quit") return "QEMU was told to quit";
  if (shutdown_reason == "host-signal") return "QEMU was ended by a signal";
  return fmt::format("QEMU ended ({})", sanitize(shutdown_reason));
}

struct EventSummary {
  EventSummary() = default;
  std::optional<bool> paused;  ///< the last of STOP and RESUME was STOP
  bool panicked = false;
  std::string shutdown_reason;  ///< QEMU's word; empty when it did not say
  bool whole = true;            ///< nothing came before what was read
  bool cut = false;             ///< nothing that is still there: the log's head was freed
};

/// The last `limit` bytes of the event log.
EventSummary summarize_events(const InstanceDirectory& directory, Bytes limit) {
  std::string text = files::read_end(directory.file(instance_file::kEvents), limit);
  EventSummary summary;
  summary.whole = text.size() < limit.count();
  summary.cut = text.substr(0, 1) == std::string(1, '\0');  // which reads as zeroes
  text.erase(0, text.find_first_not_of('\0'));
  if (!summary.whole || summary.cut) text.erase(0, text.find('\n'));  // a line cut in two
  qmp::EventLog log;
  for (const auto& event : log.feed(text)) {
    if (event.name == "STOP") summary.paused = true;
    if (event.name == "RESUME") summary.paused = false;
    if (event.name == "GUEST_PANICKED") summary.panicked = true;
    if (event.name == "SHUTDOWN") summary.shutdown_reason = event.data.text("reason");
  }
  return summary;
}

}  // namespace

bool is_paused(const InstanceDirectory& directory, const Intent& intent) {
  constexpr std::uint64_t kStep = 8;
  for (Bytes limit = kEnd;; limit = Bytes(limit.count() * kStep)) {
    const EventSummary events = summarize_events(directory, limit);
    if (events.paused) return *events.paused;
    // Who has had so many events has run.
    if (events.cut) return false;
    // Every other machine has had its RESUME, however long ago.
    if (events.whole || !intent.paused) return intent.paused;
  }
}

ExitReport explain_exit(const InstanceDirectory& directory, std::optional<ExitStatus> status,
                        const ExitCodes& codes) {
  ExitReport report;
  if (status && status->signal == 0) report.code = status->code;
  const EventSummary events = summarize_events(directory, kEnd);
  const auto word = report.code ? codes.find(*report.code) : codes.end();
  if (word != codes.end()) {
    report.kind = "guest-exit";
    report.reason = fmt::format("the guest ended with {}: {}", status->describe(), word->second);
  } else if (!events.shutdown_reason.empty()) {
    report.kind = events.shutdown_reason;
    report.reason = for_people(events.shutdown_reason);
  } else if (status && status->signal != 0) {
    report.kind = "killed";
    report.reason = "QEMU was killed by " + status->describe();
  } else if (status && status->code != 0) {
    report.kind = "qemu-error";
    report.reason = "QEMU ended with " + status->describe();
  } else {
    report.reason = "QEMU ended and did not say why";
  }
  if (events.panicked) {
    report.kind = "guest-panic";
    report.reason = "the guest panicked";
  }
  return report;
}

bool succeeded(const ExitReport& exit, const ExitCodes& codes) {
  if (exit.kind == "guest-exit") return exit.code && codes.at(*exit.code) == "success";
  return exit.kind == "guest-shutdown" && exit.code.value_or(0) == 0;
}

MachineState state_after(const ExitReport& exit) {
  const bool wanted =
      exit.kind == "guest-shutdown" || exit.kind == "guest-exit" || exit.kind == "host-qmp-quit";
  return wanted ? MachineState::stopped : MachineState::crashed;
}

std::vector<std::string> last_serial_lines(const InstanceDirectory& directory, std::size_t count) {
  return last_lines(files::read_end(directory.file(instance_file::kSerial), Bytes(16 * 1024)),
                    count);
}

std::vector<std::string> qemu_words(const InstanceDirectory& directory) {
  return last_lines(files::read_end(directory.file(instance_file::kQemuErr), kEnd));
}

}  // namespace vmfleet
