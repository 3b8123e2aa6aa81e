// SPDX-License-Identifier: MIT
// Process: spawning a child with exactly the descriptors it is given, and waiting for its end.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <vmfleet/async/loop.hpp>
#include <vmfleet/base/units.hpp>
#include <vmfleet/io/pidfd.hpp>

namespace vmfleet {

/// How a process ended.
struct ExitStatus {
  int code = 0;    ///< when it exited
  int signal = 0;  ///< when a signal ended it, else 0

  [[nodiscard]] bool success() const noexcept { return code == 0 && signal == 0; }
  /// "exit code 1", "signal 9 (Killed)".
  [[nodiscard]] std::string describe() const;
};

class ProcessOptions {
 public:
  explicit ProcessOptions(std::vector<std::string> arguments) : argv(std::move(arguments)) {}

  std::vector<std::string> argv;
  /// What is run; argv[0] when empty. Looked up in PATH unless it contains a slash.
  std::string program;
  std::optional<std::vector<std::string>> environment;  ///< "NAME=value"; ours when absent
  std::filesystem::path directory;                      ///< ours when empty
  /// The child's descriptor ← ours. 0, 1 and 2 are /dev/null unless given; nothing else is
  /// inherited.
  std::vector<std::pair<int, int>> descriptors;
  bool new_session = false;    ///< out of reach of the terminal's Ctrl-C
  bool private_files = false;  ///< what it makes is closed to other users, whatever our umask is
  /// Its memory is not taken 2 MiB at a time (nothing happens where the kernel cannot be told).
  /// *Source*: PR_SET_THP_DISABLE in prctl(2).
  bool small_pages = false;
  /// The kernel kills the child (SIGKILL) as soon as the `Process`, or this whole process, is gone;
  /// which thread spawned it does not matter.
  bool dies_with_owner = false;
};

/// The words that a process was started with, as it shows them; none of one that has ended.
/// *Errors*: `not_found` when there is no such process. *Source*: proc(5), /proc/PID/cmdline.
std::vector<std::string> arguments_of(pid_t pid);

/// A child. One that is still running when this is destroyed runs on, unless it dies with its
/// owner. *Threads*: its loop's own.
class Process {
 public:
  /// Returns when the new program runs. *Errors*: `not_found` (no such program), `unavailable`.
  static Process spawn(Loop& loop, const ProcessOptions& options);
  Process(Process&&) noexcept = default;
  Process& operator=(Process&&) noexcept = default;
  ~Process();

  [[nodiscard]] pid_t pid() const noexcept { return pidfd_.pid(); }
  [[nodiscard]] const Pidfd& pidfd() const noexcept { return pidfd_; }
  /// Waits for its end and reaps it; afterwards gives the same answer again.
  /// *Errors*: `unavailable` when another part of this program has reaped it.
  Task<ExitStatus> wait();
  /// False when it has ended already: the number is never used for another process.
  bool signal(int number) const { return pidfd_.signal(number); }
  /// The end, if it has come; reaps.
  std::optional<ExitStatus> poll();

 private:
  Process(Pidfd pidfd, UniqueFd lifeline) noexcept
      : pidfd_(std::move(pidfd)), lifeline_(std::move(lifeline)) {}

  Pidfd pidfd_;
  UniqueFd lifeline_;  // its closing ends a child that dies with its owner
  std::optional<ExitStatus> status_;
};

/// What a finished command said; each stream cut at the limit.
struct ProcessOutput {
  ExitStatus status;
  std::string out;
  std::string err;
  bool truncated = false;
};

/// Runs a command to its end and collects its output, `limit` of each stream at most.
/// *Errors*: those of `spawn`. *Cancellation*: kills it and waits for its end; with a session of
/// its own also what it has started there.
Task<ProcessOutput> run_process(ProcessOptions options, Bytes limit = Bytes::mebi(1));
/// The same; what it had said before an error or a cancellation stays in `output`, which outlives
/// the task.
Task<void> run_process_into(ProcessOutput& output, ProcessOptions options,
                            Bytes limit = Bytes::mebi(1));

}  // namespace vmfleet
