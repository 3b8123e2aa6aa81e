// SPDX-License-Identifier: MIT
// InstanceDirectory: the folder that stands for one machine, alive or dead.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <vmfleet/base/unique_fd.hpp>

namespace vmfleet {

/// The names in an instance directory. Nothing else of ours is ever made there, but staged disks,
/// and `inject0`, `inject1`… with what is put into the guest. A fleet file's `{dir}` lets users and
/// their tools put files beside them, with any name.
namespace instance_file {
inline constexpr const char* kIntent = "intent.json";
inline constexpr const char* kState = "state.json";
inline constexpr const char* kDisks = "disks.json";
inline constexpr const char* kLock = "lock";
inline constexpr const char* kAlive = "alive";
inline constexpr const char* kPid = "pid";
inline constexpr const char* kControl = "control.sock";
inline constexpr const char* kQmp = "qmp.sock";
inline constexpr const char* kMonitor = "monitor.sock";
inline constexpr const char* kAgent = "agent.sock";
inline constexpr const char* kIdentity = "identity.sock";
inline constexpr const char* kGdb = "gdb.sock";  ///< where a fleet file may put the stub
inline constexpr const char* kEvents = "events.log";
inline constexpr const char* kEventsIn = "events.in";
inline constexpr const char* kSerial = "serial.log";
inline constexpr const char* kFullDisk = "serial.full";
inline constexpr const char* kSerialIn = "serial.in";
inline constexpr const char* kSerialOut = "serial.out";
inline constexpr const char* kQemuErr = "qemu.err";
inline constexpr const char* kEntropy = "entropy";
inline constexpr const char* kKernel = "kernel";
inline constexpr const char* kInitrd = "initrd";
inline constexpr const char* kCloudDisk = "cidata.iso";
inline constexpr const char* kWorkingDirectory = "cwd";
inline constexpr const char* kSnapshots = "snapshots";  ///< a folder for each of them
}  // namespace instance_file

/// Held open by descriptor: what happens to the path meanwhile leads nowhere else.
/// Blocking: call it through `offload` where that matters.
class InstanceDirectory {
 public:
  /// Makes `<root>/<fleet>/<machine>` (0700) as far as it is missing.
  ///
  /// *Errors*: `invalid_config` for names that are no single path component; `conflict` when a
  /// component is a symbolic link, belongs to another user, or is open to others.
  static InstanceDirectory create(const std::filesystem::path& root, const std::string& fleet,
                                  const std::string& machine);
  /// *Errors*: `not_found`; `conflict` as `create`, for folders that others may write to as well.
  static InstanceDirectory open(const std::filesystem::path& path);

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] std::filesystem::path file(const char* name) const { return path_ / name; }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  /// Whether it has been a machine's before, as records tell, also damaged ones.
  [[nodiscard]] bool has_records() const;
  /// The names of files that commands have left there: records that were not finished, or were
  /// damaged and set aside.
  [[nodiscard]] std::vector<std::string> remnants() const;
  /// Shows that this process uses it, for as long as this object, or a copy of `fd`, exists.
  /// *Errors*: `conflict`.
  void hold() const;
  /// Whether somebody holds it.
  [[nodiscard]] bool is_held() const;
  /// Removes what an earlier life of the machine left, everything but records, lock and disks: what
  /// was put into the guest, and QEMU's own files with its logs.
  void remove_injected() const;
  void remove_wires() const;
  /// Before a launch: what is there goes with the machine later. *Errors*: `conflict`, when it
  /// holds files and no record of ours.
  void require_ours_or_bare() const;
  /// Removes the files in it and then the directory: ours by name, and where a record of ours
  /// proves what it is those that users and their tools have put beside them. A link goes itself
  /// and is not followed; of directories only QEMU's own and those of snapshots are looked into.
  /// *Errors*: `conflict`, with
  /// nothing removed, when it holds anything else: files without a record of ours, directories,
  /// another user's files.
  void remove(const std::vector<std::string>& staged_files) const;

 private:
  InstanceDirectory(std::filesystem::path path, UniqueFd fd);
  std::filesystem::path path_;
  UniqueFd fd_;
};

}  // namespace vmfleet
