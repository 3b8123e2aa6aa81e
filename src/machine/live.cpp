// SPDX-License-Identifier: MIT
// Machine::Live: its connections, its records, and its end.
#include "machine/live.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include <vmfleet/async/time.hpp>
#include <vmfleet/instance/identity.hpp>
#include <vmfleet/instance/locks.hpp>
#include <vmfleet/instance/log_keeper.hpp>
#include <vmfleet/qmp/commands.hpp>

#include "machine/exit_report.hpp"

namespace vmfleet {

namespace {

// QEMU serves one client at a time on each monitor: when somebody keeps the first for longer than a
// few commands take, there is the second.
constexpr Milliseconds kOneClientPatience(500);

}  // namespace

std::int64_t epoch_ms() {
  return std::chrono::duration_cast<Milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

Task<bool> is_running(const InstanceDirectory& directory) {
  if (!is_alive(directory)) co_return false;
  if (find_qemu(directory)) co_return true;
  const bool ended = co_await await_death(directory, kEndPatience);
  if (!ended) throw unrecognised(directory);
  co_return false;
}

Error unrecognised(const InstanceDirectory& directory) {
  return Error(ErrorKind::conflict,
               fmt::format("{} runs, and its QEMU cannot be told from other processes",
                           directory.path().filename().string()))
      .hint("nothing was removed; `fuser` on the file `alive` there names the process");
}

Machine::Live::~Live() {
  if (lifetime != Lifetime::ephemeral) return;
  process.reset();  // kills and reaps it
  log_keeper.reset();
  try {
    remove_directory();
  } catch (const Error&) {
    // Nothing can be reported from here; what is left holds nothing that runs.
  }
  std::error_code ignored;
  const auto fleet = directory.path().parent_path();
  std::filesystem::remove(fleet, ignored);
  if (own_root) std::filesystem::remove(fleet.parent_path(), ignored);
}

void Machine::Live::remove_directory() const {
  const auto lock = OperationLock::acquire(directory);
  // Since this one ended, another may have taken its place.
  const auto now = read_what_is_left(&read_intent, directory);
  const bool taken = now && intent.created_ms != 0 && now->created_ms != intent.created_ms;
  if (!taken && !is_alive(directory)) directory.remove(intent.staged_files);
}

Task<std::optional<ExitStatus>> Machine::Live::wait_end() {
  if (process) {
    const ExitStatus status = co_await process->wait();
    co_return status;
  }
  co_await adopted->wait_end();
  co_return std::nullopt;
}

void Machine::Live::keep_logs() {
  if (!intent.log_limit || find_log_keeper(directory)) return;
  log_keeper = start_log_keeper(loop, directory, pidfd(), *intent.log_limit,
                                lifetime == Lifetime::ephemeral);
}

Task<void> Machine::Live::end_log_keeper() {
  if (log_keeper) {  // it may not have its lock yet, or any more
    co_await vmfleet::end_log_keeper(log_keeper->pidfd());
    log_keeper.reset();
  }
  co_await vmfleet::end_log_keeper(directory);
}

Task<void> Machine::Live::require_events(std::vector<std::string> names) {
  qmp::Client client = co_await connect();
  co_await vmfleet::require_events(client, std::move(names));
}

Task<qmp::Client> Machine::Live::connect(std::optional<Milliseconds> patience) {
  qmp::ClientOptions options;
  options.peer_pid = pidfd().pid();
  if (patience) options.greeting_timeout = options.command_timeout = *patience;
  const Milliseconds whole = options.greeting_timeout;
  options.greeting_timeout = std::min(kOneClientPatience, whole / 2);
  const Milliseconds rest = whole - options.greeting_timeout;
  try {
    co_return co_await qmp::Client::connect(directory.file(instance_file::kControl), options);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::timed_out) throw;
  }
  options.greeting_timeout = rest;
  co_return co_await qmp::Client::connect(directory.file(instance_file::kQmp), options);
}

Task<Error> Machine::Live::explain(Error failed) {
  if (failed.kind() == ErrorKind::disconnected) {
    try {
      co_await with_timeout(kDeathPatience, wait_end());
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::timed_out) throw;
    }
  }
  if (!pidfd().ended()) co_return failed;
  co_return Error(ErrorKind::exited, fmt::format("{} ended meanwhile", intent.name));
}

std::optional<ExitReport> Machine::Live::end_so_far() {
  if (!pidfd().ended()) return std::nullopt;
  std::optional<ExitStatus> status;
  if (process) status = process->poll();
  return explain_exit(directory, status, intent.exit_codes);
}

Task<void> Machine::Live::record(MachineState reached, const ReadyReport* report,
                                 const Error* error) {
  const auto note = [&](StateRecord& known) {
    known.state = reached;
    known.ready_after.reset();
    known.error.reset();
    if (report != nullptr) known.ready_after = report->took;
    if (error != nullptr) known.error = *error;
  };
  note(state);
  const auto change = [&](StateRecord& known) {
    // A later boot; one that was found out again is told to have begun with the launch.
    if (state.started_ms != 0 && known.started_ms > state.started_ms) return false;
    note(known);
    known.exit = end_so_far();
    if (known.exit && error == nullptr) known.state = state_after(*known.exit);
    return true;
  };
  co_await amend(change);
}

Task<void> Machine::Live::record_end(ExitReport exit) {
  const auto change = [&](StateRecord& known) {
    if (known.state != MachineState::failed) known.state = state_after(exit);
    known.exit = exit;
    return true;
  };
  co_await amend(change);
}

Task<void> Machine::Live::amend(std::function<bool(StateRecord&)> change) {
  constexpr Milliseconds kPatience(1'000);
  try {
    const auto lock = co_await OperationLock::obtain(directory, kPatience);
    StateRecord known = read_what_is_left(&read_state, directory).value_or(state);
    if (!is_this_life() || known.exit) co_return;
    if (change(known)) write_state(directory, known);
  } catch (const Error& error) {
    // Who works on the machine for so long records what becomes of it.
    if (error.kind() != ErrorKind::conflict) throw;
  }
}

bool Machine::Live::is_this_life() const {
  if (!pidfd().ended()) return true;  // there cannot be two
  const auto recorded = read_what_is_left(&read_intent, directory);
  return recorded && recorded->created_ms == intent.created_ms;
}

void Machine::Live::begin_boot() {
  const auto size_of = [this](const char* name) -> std::uint64_t {
    std::error_code none;
    const auto size = std::filesystem::file_size(directory.file(name), none);
    return none ? 0 : size;
  };
  if (const auto known = read_state(directory)) state = *known;
  state.serial_begin = size_of(instance_file::kSerial);
  state.events_begin = size_of(instance_file::kEvents);
  state.started_ms = epoch_ms();
  state.state = readiness.empty() ? MachineState::running : MachineState::booting;
  state.ready_after.reset();
  state.error.reset();
  write_state(directory, state);
  first_instruction = loop.now();
}

std::optional<StateRecord> Machine::Live::recorded() const {
  try {
    return read_state(directory);
  } catch (const Error&) {
    return std::nullopt;  // it is a cache: the machine is ended all the same
  }
}

void Machine::Live::recall_forwards() {
  if (auto known = recorded()) state.forwards = std::move(known->forwards);
}

}  // namespace vmfleet
