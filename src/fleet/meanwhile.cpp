// SPDX-License-Identifier: MIT
// Looks at the machine: its files, or QEMU, failed as they do when they go.
#include "fleet/meanwhile.hpp"

#include <sys/stat.h>

#include <fmt/format.h>

#include <vmfleet/instance/locks.hpp>
#include <vmfleet/machine/machine.hpp>

namespace vmfleet {

namespace {

Error by_another(const std::string& name, std::string_view what) {
  return Error(ErrorKind::conflict, fmt::format("{} was {} by another command", name, what))
      .hint("try again when that has finished");
}

/// A guest that failed may still be there, for `--keep-failed`.
bool has_new_life(const MachineReport& now) {
  return now.state == MachineState::starting || (now.pid && now.state != MachineState::failed);
}

/// Its QEMU is about to be gone, and that is not recorded yet.
bool is_being_ended(const std::filesystem::path& directory, const MachineReport& now) {
  const bool is_up =
      now.good() || now.state == MachineState::booting || now.state == MachineState::paused;
  return is_up && !now.pid && OperationLock::held(InstanceDirectory::open(directory));
}

/// Also when there is another one in its place.
bool is_removed(const InstanceDirectory& folder) {
  struct stat status {};
  return ::fstat(folder.fd(), &status) == 0 && status.st_nlink == 0;
}

}  // namespace

Error removed_by_another(const std::filesystem::path& directory) {
  return by_another(directory.filename().string(), "removed");
}

std::optional<Error> stopped_by_another(const MachineReport& now) {
  // Who has seen it fail has stopped it then; of one that is stopped no failure is recorded.
  if (now.state == MachineState::failed) return std::nullopt;
  const bool stopped = now.state == MachineState::stopping || (now.exit && now.exit->requested);
  if (!stopped) return std::nullopt;
  return by_another(now.name, "stopped");
}

namespace {

std::optional<Error> ended_by_another(const std::filesystem::path& directory) {
  const MachineReport now = inspect_machine(directory);
  // Its records go first.
  if (now.state == MachineState::created) return removed_by_another(directory);
  if (has_new_life(now)) return by_another(now.name, "stopped and started again");
  if (is_being_ended(directory, now)) return by_another(now.name, "stopped");
  return stopped_by_another(now);
}

}  // namespace

std::optional<Error> done_by_another(const std::filesystem::path& directory,
                                     const std::optional<InstanceDirectory>& folder,
                                     const Error& failed) {
  const bool file_is_gone = failed.kind() == ErrorKind::not_found;
  const bool qemu_is_gone =
      failed.kind() == ErrorKind::exited || failed.kind() == ErrorKind::disconnected;
  if (!file_is_gone && !qemu_is_gone) return std::nullopt;
  // Another one may be there again. A file that its configuration names is elsewhere.
  const bool is_ours = failed.message().find(directory.string()) != std::string::npos;
  if (folder && is_removed(*folder)) return removed_by_another(directory);
  if (file_is_gone) return is_ours ? std::optional(removed_by_another(directory)) : std::nullopt;
  try {
    auto what = ended_by_another(directory);
    // Between two looks at its files one command may have ended and another begun.
    return what ? what : ended_by_another(directory);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::not_found) return std::nullopt;
    return removed_by_another(directory);
  }
}

}  // namespace vmfleet
