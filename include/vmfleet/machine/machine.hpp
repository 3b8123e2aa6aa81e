// SPDX-License-Identifier: MIT
// Machine: one virtual machine that runs, launched by us or adopted.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <vmfleet/async/task.hpp>
#include <vmfleet/instance/intent.hpp>
#include <vmfleet/io/process.hpp>
#include <vmfleet/machine/machine_report.hpp>
#include <vmfleet/machine/readiness.hpp>
#include <vmfleet/machine/snapshot.hpp>
#include <vmfleet/machine/stop.hpp>
#include <vmfleet/machine/template.hpp>
#include <vmfleet/qemu/command_line.hpp>
#include <vmfleet/qemu/forward.hpp>
#include <vmfleet/qmp/client.hpp>

namespace vmfleet {

/// What became of a wait for readiness.
struct ReadyReport {
  ReadyReport() = default;
  Milliseconds took{0};           ///< from the first instruction
  std::vector<std::string> seen;  ///< one line for each condition: what satisfied it
};

enum class Lifetime {
  ephemeral,  ///< dies with its owner, even by `kill -9`; its directory goes with the `Machine`
  detached,   ///< survives its owner and can be adopted
};

/// The guest agent's port: not in the machine, or with no program on it, or with one.
enum class AgentPort { absent, closed, open };

struct LaunchOptions {
  LaunchOptions() = default;

  /// Where the instance directory `<state_root>/<fleet>/<name>` is made. Empty: a temporary
  /// directory of its own, for ephemeral machines.
  std::filesystem::path state_root;
  Lifetime lifetime = Lifetime::ephemeral;
  /// What `wait_ready` will wait for; recorded, so that others can wait for it too.
  Readiness readiness;
  /// Where the machine came from, recorded to tell whether a specification has changed. A machine
  /// of the same one that is launched again keeps its host ports, and what was done to its
  /// forwards.
  std::string spec_hash;
  /// That specification, recorded to start the machine again.
  json::Value spec;
  /// The user's own words about it, recorded to be found by.
  std::map<std::string, std::string> labels;
  /// How to log in to the guest, recorded for those who will.
  std::optional<SshLogin> ssh;
  /// How long `stop` will wait for the guest to shut down, unless told otherwise; recorded.
  Milliseconds stop_grace{10'000};
  /// Of each of its logs at least so much is kept on the disk, and not much more; see
  /// `start_log_keeper`. Empty: all of it. Recorded.
  std::optional<Bytes> log_limit;
  /// Makes the machine's own copies and overlays anew when they do not fit the configuration or
  /// their source any more, with the loss of what the guest wrote; otherwise that is a `conflict`.
  bool remake_disks = false;
  /// Reads the disks' sources to tell whether they changed, instead of trusting their times.
  bool verify_disks = false;
  /// What it is started from instead of being booted: a template of its own key. It has the
  /// console's log of that boot, and an identity of its own before the launch is done.
  std::optional<MachineTemplate> clone_of;
  /// Told what could not be done quite as asked.
  std::function<void(std::string_view)> on_warning;
  /// Told of each step of the launch protocol by name.
  std::function<void(std::string_view)> on_step;
};

/// A machine that runs. Movable; one task at a time waits for its readiness or stops it.
///
/// *Lifetime*: an ephemeral machine is killed and its directory removed when this is destroyed;
/// a detached one runs on. *Threads*: its loop's own.
class Machine {
 public:
  /// Starts it: directory, wires, QEMU paused, identity, ports, first instruction.
  ///
  /// *Errors*: `invalid_config`, `not_found` (a file), `host_unfit` (no QEMU), `conflict` (it runs,
  /// or another command works on it), `exited` with QEMU's own words and a diagnosis, `timed_out`.
  /// After an error nothing runs, and the directory is gone (ephemeral) or says what happened; what
  /// it held of the machine's life before is lost only when QEMU was started.
  /// *Cancellation*: the same, but a directory that this launch made is gone.
  static Task<Machine> launch(MachineConfig config, LaunchOptions options = LaunchOptions());

  /// The command line that `launch` would run. Starts nothing, and changes nothing but caches.
  static Task<CommandLine> plan(MachineConfig config, std::filesystem::path state_root);

  /// Takes over a machine that runs, whoever started it. Of its records those that were lost or
  /// damaged are made anew, as `recover_records` does.
  /// *Errors*: `not_found` (no such machine), `exited` (it does not run any more).
  static Task<Machine> adopt(std::filesystem::path instance_directory);

  Machine(Machine&&) noexcept;
  Machine& operator=(Machine&&) noexcept;
  ~Machine();

  /// Waits until the readiness that was asked for holds, and records the outcome.
  ///
  /// *Errors*: as soon as it is known: `exited` (QEMU or the guest ended, panicked, resets in a
  /// loop), `timed_out`; with the nearest miss and the last lines of the console as evidence.
  /// A `timeout` counts from now, instead of the readiness' own; that it passed is not recorded.
  Task<ReadyReport> wait_ready(std::optional<Milliseconds> timeout = std::nullopt);
  /// The same for other conditions, whose timeout counts from now; records nothing.
  /// *Errors*: also `invalid_config` for an event that QEMU has not.
  Task<ReadyReport> wait_for(Readiness readiness);
  /// Waits for the end of QEMU. Of a machine that this process has started it is recorded how it
  /// ended: only the parent of a process learns its exit status.
  Task<ExitReport> wait_exit();

  /// Powerdown, quit, SIGTERM, SIGKILL, each with its own grace; returns only when QEMU is gone.
  Task<StopReport> stop(StopOptions options = StopOptions());
  /// Launches a machine that has ended again, in its directory; `undo_launch` then takes back both.
  /// *Errors*: as `launch`.
  Task<void> relaunch(MachineConfig config, LaunchOptions options);
  /// Takes the launch back: ends QEMU at once, and removes the directory if `launch` made it.
  Task<void> undo_launch();

  /// A connection for commands. QEMU serves two at a time, and one of them is best left to others:
  /// do not keep it. `patience`: with its greeting, and with each answer; else the client's own.
  /// *Errors*: `timed_out`, which says when both are taken; `exited`.
  Task<qmp::Client> connect(std::optional<Milliseconds> patience = std::nullopt);
  /// Stops and resumes the guest's processors. *Errors*: as `connect`.
  Task<void> pause();
  Task<void> resume();
  /// Presses the reset button: the machine is to become ready anew, which `wait_ready` waits for.
  /// `patience`: as of `connect`. *Errors*: as `connect`; `conflict` when another command keeps
  /// working on it.
  Task<void> reset(std::optional<Milliseconds> patience = std::nullopt);

  /// Saves it in `directory` as it stands, with the memory that it has there: see `make_template`.
  /// It stands still then, for good. *Errors*: `unavailable` with the reason; unless `identical`,
  /// also when its clones would not be unique.
  Task<Uniqueness> freeze(std::filesystem::path directory, bool identical = false);

  /// Keeps what it is now under a name of the user's, and lets it go on; the guest stands still for
  /// as long as its memory takes to be written. There is a whole snapshot afterwards, or none.
  ///
  /// *Errors*: `invalid_config` (no tag), `conflict` (there is one, or another command keeps
  /// working on it), `unavailable` with the reason: a disk of others that it writes to, a device
  /// that QEMU cannot save, no room. After an error it goes on, too. *Cancellation*: the same.
  Task<Snapshot> snapshot(std::string tag, SnapshotOptions options = SnapshotOptions());
  /// Sets it back: what runs is ended, and what it has become since is lost. Its name, uuid and
  /// host ports stay; its console's log is that of the snapshot. Clock and random numbers of a
  /// guest whose agent answers are renewed; else that is warned of.
  ///
  /// *Errors*: `not_found`; `conflict` when the machine is another one than it was: its
  /// configuration, its disks' sources, its QEMU; those of a launch. Unless QEMU could not be
  /// started, what runs then runs on. *Cancellation*: it runs as it was, or it has ended.
  Task<void> restore(std::string tag, RestoreOptions options = RestoreOptions());
  /// The same for a machine that may have ended, and that outlives its owner then.
  static Task<Machine> restore(std::filesystem::path instance_directory, std::string tag,
                               RestoreOptions options = RestoreOptions());

  /// Makes a port of the host lead into the guest, while it runs and at its next starts; gives the
  /// host port that QEMU chose. *Errors*: `invalid_config` (no user network), `conflict` (its name,
  /// or the host port, naming who has it), `exited`.
  Task<PortForward> add_forward(Forward forward);
  /// Takes a forward away, also one of its specification. Connections through it live on.
  /// *Errors*: `not_found`, `conflict` when its readiness needs it or its configuration names its
  /// port, `exited`.
  Task<void> remove_forward(std::string name);

  /// Writes to the serial console. *Errors*: `timed_out` when the guest does not read; `exited`.
  Task<void> send(std::string text);

  /// Whether the guest has the agent's port, and whether a program there, an agent, listens on it.
  Task<AgentPort> agent_port();
  /// Runs a program in the guest, through its agent, and waits for its end. `argv[0]` is looked up
  /// in the agent's PATH; of its output the agent keeps 16 MiB of each stream.
  ///
  /// *Errors*: `timed_out` (no agent answers), `exited` (the machine ended), `unavailable` with the
  /// agent's words (no such program). *Cancellation*: the program in the guest runs on.
  Task<ProcessOutput> exec(std::vector<std::string> argv);

  [[nodiscard]] const std::string& name() const noexcept;
  [[nodiscard]] const std::string& uuid() const noexcept;
  [[nodiscard]] pid_t pid() const noexcept;
  [[nodiscard]] const std::filesystem::path& directory() const noexcept;
  /// Forwards with the host ports that QEMU chose; what others add or remove meanwhile is in
  /// `report`.
  [[nodiscard]] const std::vector<PortForward>& ports() const noexcept;
  /// *Errors*: `not_found`, naming the forwards that exist.
  [[nodiscard]] const PortForward& port(std::string_view forward) const;
  /// Where it is and how it does.
  [[nodiscard]] MachineReport report() const;

  class Live;  ///< private to the implementation

 private:
  explicit Machine(std::unique_ptr<Live> live) noexcept;
  std::unique_ptr<Live> live_;
};

/// Whether the machine's own copies and overlays are what `launch` would make now: of the same
/// requests, and of sources that did not change, by their whole content with `verify`. Which host
/// ports stand for `{port:NAME}` in them makes no difference. Blocking.
/// *Errors*: `corrupt`, `not_found`.
bool disks_fit(const MachineConfig& config, const std::filesystem::path& instance_directory,
               bool verify = false);

/// Whether the machine has copies or overlays that `launch` would keep: it is not cloned then.
/// `remake`: as `LaunchOptions::remake_disks`. Blocking. *Errors*: as `disks_fit`; `conflict`.
bool keeps_disks(const MachineConfig& config, const std::filesystem::path& instance_directory,
                 bool remake = false);

/// What the directory of a machine and the kernel say of it, without asking QEMU: cheap, and right
/// also when QEMU hangs. *Threads*: blocks for some file reads.
/// *Errors*: `not_found`; `corrupt` when its records cannot be read (they are set aside).
MachineReport inspect_machine(const std::filesystem::path& instance_directory);

/// For a machine that lives although records of it were lost, and that no command works on: writes
/// anew what QEMU and the kernel tell. Its ports are known again then, and its readiness to whoever
/// waits for it; how to start it again is not. A guest that stands still for a `snapshot` that was
/// killed goes on. Whether any of it was necessary. *Errors*: `not_found`; those of QMP.
Task<bool> recover_records(std::filesystem::path instance_directory);

/// Returns when no command is starting the machine any more: it runs, or it could not be started.
/// *Errors*: `not_found` (no such machine).
Task<void> wait_until_started(std::filesystem::path instance_directory);
/// Returns when the machine's QEMU has ended, of a start under way too; at once when it does not
/// run or does not exist.
Task<void> wait_until_ended(std::filesystem::path instance_directory);

}  // namespace vmfleet
