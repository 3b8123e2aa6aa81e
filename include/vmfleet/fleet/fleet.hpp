// SPDX-License-Identifier: MIT
// Fleet: several machines under one name, converged to a specification.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <vmfleet/async/task.hpp>
#include <vmfleet/fleet/fleet_report.hpp>
#include <vmfleet/fleet/fleet_spec.hpp>
#include <vmfleet/fleet/progress.hpp>
#include <vmfleet/fleet/up_plan.hpp>
#include <vmfleet/machine/machine.hpp>

namespace vmfleet {

struct UpOptions {
  UpOptions() = default;

  /// Only these machines of the specification (globs and braces), and those that they depend on;
  /// empty: all.
  std::vector<std::string> names;
  bool wait = true;              ///< for readiness; of those that others depend on always
  std::size_t max_boot = 0;      ///< machines in their boot at once; 0: see `UpPlan`
  bool keep_failed = false;      ///< leave a machine that did not become ready running
  bool recreate = false;         ///< replace machines whose specification or disks' sources differ
  std::optional<Cloned> cloned;  ///< instead of what the specification says of each
  bool verify = false;  ///< compare the disks' sources by their content, not by their times
  std::optional<Milliseconds> timeout;  ///< of each machine's readiness, instead of its own
  ProgressObserver progress;
};

/// Machines that live no longer than this object, even when its process is killed.
/// *Threads*: their loop's own.
struct EphemeralFleet {
  EphemeralFleet() = default;

  FleetReport report;
  std::vector<Machine> machines;  ///< those that were started
};

/// A fleet's machines live in `<state_root>/<name>/`. Stateless between calls: the directory and
/// the kernel are the truth, so any number of these objects and processes may work on one fleet.
/// *Threads*: its loop's own.
class Fleet {
 public:
  /// *Errors*: `invalid_config` for a name that is no single path component, and for a state root
  /// that cannot be one.
  Fleet(std::filesystem::path state_root, std::string name);

  /// Starts what is missing, leaves what is right, and returns when every machine is ready or has
  /// failed. A machine is started when all that it depends on has come as far as it asks; when that
  /// fails, it is not started and fails too (`unavailable`). *Errors*: only for what concerns all
  /// of them (`invalid_config`, `host_unfit`, an image that cannot be built). *Cancellation*: what
  /// this call started is gone.
  Task<FleetReport> up(FleetSpec spec, UpOptions options = UpOptions());

  /// The same with machines that die with what it returns, and whose directories go with them.
  Task<EphemeralFleet> up_ephemeral(FleetSpec spec, UpOptions options = UpOptions());

  /// Starts machines of `up_ephemeral` that end again, as the policies in `spec`, theirs, say:
  /// `fleet` then has the new ones. Their disks and host ports stay. Returns when there is none
  /// left that this could happen to; until then nobody else waits for them or stops them, but
  /// commands and other objects may by name. `options` are those of the starts; told of each.
  /// *Lifetime*: `fleet` outlives it. *Cancellation*: a start under way is taken back.
  Task<void> supervise(EphemeralFleet& fleet, FleetSpec spec, UpOptions options = UpOptions());

  /// What `up` would do, with the command lines that it would run. Starts no machine and leaves the
  /// fleet as it is; what must be known for that is found out and kept: image, unpacked kernel,
  /// accelerator.
  Task<UpPlan> dry_run(FleetSpec spec, UpOptions options = UpOptions());

  /// Starts machines that have ended again, as they were specified; `options.names` are theirs.
  /// They wait for each other, but start no others. One that no specification made, or whose record
  /// is damaged, has an error in its report. *Errors*: also `not_found`.
  Task<FleetReport> start(UpOptions options = UpOptions());
  /// Stops machines and starts them again. Disks, and the host ports of forwards, stay the same.
  /// What could not be stopped keeps no other from being started; and what could not be started,
  /// as far as that can be told before, is not stopped.
  Task<FleetReport> restart(UpOptions options = UpOptions(), StopOptions stop = StopOptions());

  /// Every machine, running or not. *Errors*: `not_found` when a name matches none.
  [[nodiscard]] FleetReport status(const std::vector<std::string>& names = {}) const;
  /// As `status`, after what was lost of the records of machines that live was found out anew; what
  /// was wrong with them is in their reports.
  Task<FleetReport> reconcile(std::vector<std::string> names = {}) const;
  /// Stops machines, those that depend on others before these; their directories stay.
  Task<FleetReport> stop(std::vector<std::string> names = {}, StopOptions options = StopOptions(),
                         ProgressObserver progress = {});
  /// Stops machines and removes their directories; the fleet's own when it is empty then.
  Task<FleetReport> down(std::vector<std::string> names = {}, StopOptions options = StopOptions(),
                         ProgressObserver progress = {});

  /// Removes machines that do not run; one that does is a `conflict` in its report.
  Task<FleetReport> remove(std::vector<std::string> names, ProgressObserver progress = {});

  /// The directory of one machine. *Errors*: `not_found`, with the nearest name.
  [[nodiscard]] std::filesystem::path directory_of(const std::string& name) const;
  /// The names that globs and braces mean, in natural order (web-2 before web-10); all when empty.
  /// *Errors*: `not_found`.
  [[nodiscard]] std::vector<std::string> select(const std::vector<std::string>& patterns) const;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  /// What the machines were made from; those of which it is not known are in `failed`.
  [[nodiscard]] FleetSpec recall_spec(const std::vector<std::string>& names,
                                      std::vector<MachineReport>& failed) const;

  std::filesystem::path root_;
  std::string name_;
};

/// `VMFLEET_STATE_DIR`, else `$XDG_STATE_HOME/vmfleet`, else `~/.local/state/vmfleet`.
std::filesystem::path default_state_root();
/// The fleets that have a directory, by name.
std::vector<std::string> list_fleets(const std::filesystem::path& state_root);

}  // namespace vmfleet
