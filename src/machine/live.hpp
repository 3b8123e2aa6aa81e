// SPDX-License-Identifier: MIT
// Machine::Live: what a running machine is held by. Private to this room.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <vmfleet/instance/instance_directory.hpp>
#include <vmfleet/instance/intent.hpp>
#include <vmfleet/io/process.hpp>
#include <vmfleet/machine/machine.hpp>

#include "machine/state_record.hpp"

namespace vmfleet {

/// A QEMU that ends closes its sockets first: how long it may take from there.
inline constexpr Milliseconds kDeathPatience(2'000);

/// A QEMU that ends is no more to be found before it is gone: how long that may take. The kernel
/// frees the guest's memory meanwhile.
inline constexpr Milliseconds kEndPatience(5'000);

/// A damaged record has been set aside, and is as good as lost.
template <class Record>
std::optional<Record> read_what_is_left(std::optional<Record> (*read)(const InstanceDirectory&),
                                        const InstanceDirectory& directory) {
  try {
    return read(directory);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corrupt) throw;
    return std::nullopt;
  }
}

class Machine::Live {
 public:
  Live(Loop& its_loop, InstanceDirectory its_directory)
      : loop(its_loop), directory(std::move(its_directory)) {}
  Live(const Live&) = delete;
  Live& operator=(const Live&) = delete;
  /// Ends an ephemeral machine and removes its directory.
  ~Live();

  [[nodiscard]] const Pidfd& pidfd() const { return process ? process->pidfd() : *adopted; }
  /// Starts a keeper of its logs, if its logs have a limit and no keeper. *Errors*: as
  /// `start_log_keeper`.
  void keep_logs();
  /// After QEMU's end.
  Task<void> end_log_keeper();
  /// Waits for QEMU's end; its status when we are its parent.
  Task<std::optional<ExitStatus>> wait_end();
  /// A connection to the control monitor. `patience`: as of `Machine::connect`.
  Task<qmp::Client> connect(std::optional<Milliseconds> patience = std::nullopt);
  /// Why something failed that needs QEMU: `failed`, or `exited` when QEMU has ended, or is about
  /// to.
  Task<Error> explain(Error failed);
  /// As `vmfleet::require_events`, on a connection of its own.
  Task<void> require_events(std::vector<std::string> names);
  /// Records what became of its readiness, and its end if it has ended: that alone, and nothing
  /// once its end is recorded, or another life or boot has begun.
  Task<void> record(MachineState reached, const ReadyReport* report, const Error* error);
  /// Records that the guest boots anew from now on: of what it did until now nothing counts for its
  /// readiness. Under its lock.
  void begin_boot();
  /// Records how it ended, unless that is recorded.
  Task<void> record_end(ExitReport exit);
  /// Whether what the directory records is of the life that is held here: another command may have
  /// started the machine anew since QEMU ended. Under its lock.
  [[nodiscard]] bool is_this_life() const;
  /// What is recorded now; nullopt without a record that can be read.
  [[nodiscard]] std::optional<StateRecord> recorded() const;
  /// The forwards as the directory knows them, for the machine's next life; without a record that
  /// can be read they stay.
  void recall_forwards();

  Loop& loop;
  InstanceDirectory directory;
  Intent intent;
  StateRecord state;
  Readiness readiness;
  Lifetime lifetime = Lifetime::detached;
  std::optional<Process> process;
  std::optional<Pidfd> adopted;
  std::optional<Process> log_keeper;  ///< when it is our child
  TimePoint first_instruction{};
  bool is_recorded = true;  ///< adopted: none of its records were lost
  bool is_new = false;      ///< nobody's machine has been in its directory before
  bool own_root = false;    ///< the state root was made for this machine alone

 private:
  void remove_directory() const;
  /// Changes what is recorded of this life, unless its end is or `change` gives false.
  Task<void> amend(std::function<bool(StateRecord&)> change);
  /// Only its parent learns the exit status.
  std::optional<ExitReport> end_so_far();
};

/// Now, since the epoch.
std::int64_t epoch_ms();

/// Work that needs QEMU. *Errors*: its own; `exited` when QEMU ends meanwhile.
template <class T>
Task<T> with_qemu(Machine::Live& live, Task<T> work) {
  std::optional<Error> failed;
  try {
    co_return co_await std::move(work);
  } catch (const Error& error) {
    failed = error;
  }
  const Error why = co_await live.explain(std::move(*failed));
  throw why;
}

/// Whether QEMU runs and can be found; of one that is just ending, waits for the end. Under the
/// lock of its machine: nobody else starts one meanwhile. *Errors*: `unrecognised`.
Task<bool> is_running(const InstanceDirectory& directory);
/// What lives there cannot be found.
Error unrecognised(const InstanceDirectory& directory);

/// Takes over a machine that runs. *Errors*: as `Machine::adopt`.
Task<std::unique_ptr<Machine::Live>> adopt_live(std::filesystem::path instance_directory);

/// Follows the launch protocol up to the first instruction. On failure nothing runs any more.
Task<void> launch_into(Machine::Live& live, MachineConfig config, LaunchOptions options);

/// Of a snapshot: what is started again, and as what.
struct Restoration {
  Restoration() = default;

  std::filesystem::path folder;
  Intent intent;      ///< with the command line to run
  StateRecord state;  ///< that is reached when it runs
};

/// The same for a machine that was saved with its memory, and whose disks are in place.
Task<void> launch_restored(Machine::Live& live, MachineConfig config, LaunchOptions options,
                           Restoration restoration);

/// Ends it and records that. Under its lock.
Task<StopReport> end_live(Machine::Live& live, StopOptions options);

/// *Errors*: `invalid_config` for an event that this QEMU has not, with the nearest one.
Task<void> require_events(qmp::Client& client, std::vector<std::string> names);

/// Waits for `readiness`, whose timeout counts from `since`. See `Machine::wait_ready`.
Task<ReadyReport> await_readiness(Machine::Live& live, Readiness readiness, TimePoint since);

/// *Errors*: `invalid_config` for text that its record could not hold.
void require_recordable(const Readiness& readiness);
json::Value readiness_to_json(const Readiness& readiness);
Readiness readiness_from_json(const json::Value& value);

}  // namespace vmfleet
