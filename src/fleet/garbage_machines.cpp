// SPDX-License-Identifier: MIT
// Machines that nobody can use again, each judged under its lock.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include <fmt/format.h>

#include <instance/foreign_files.hpp>
#include <machine/staged_record.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/fleet/fleet.hpp>
#include <vmfleet/instance/intent.hpp>
#include <vmfleet/instance/locks.hpp>
#include <vmfleet/qemu/validate.hpp>

#include "fleet/garbage_bin.hpp"

namespace vmfleet {

namespace {

/// nullopt for a damaged record, which is set aside.
std::optional<Intent> intent_of(const InstanceDirectory& directory) {
  try {
    return read_intent(directory);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corrupt) throw;
    return std::nullopt;
  }
}

std::vector<std::string> disks_in(const InstanceDirectory& directory) {
  std::vector<std::string> disks = read_staged_names(directory);
  std::erase_if(disks, [&](const std::string& name) {
    std::error_code ignored;
    return !std::filesystem::exists(directory.file(name.c_str()), ignored);
  });
  return disks;
}

/// Judges one machine, which does not live. Under its lock.
class DeadMachine {
 public:
  /// `abandoned`: it was so before the lock was taken.
  DeadMachine(const InstanceDirectory& directory, bool abandoned, GarbageBin& bin)
      : directory_(directory), abandoned_(abandoned), bin_(bin), intent_(intent_of(directory)) {}

  void judge() {
    if (!intent_) return judge_unrecorded();
    if (intent_->ephemeral) {
      if (!directory_.is_held()) remove("the program that it belonged to has ended");
      return;
    }
    if (intent_->boot_id == host_boot_id()) return clean();
    const std::string ended = "it ended before this host was restarted";
    const auto disks = disks_in(directory_);
    const auto others = foreign_files(directory_, read_staged_names(directory_));
    if (!disks.empty()) return keep(ended + ", but has a disk of its own: " + join(disks, ", "));
    if (!others.empty()) return keep(ended + ", but has files of others: " + join(others, ", "));
    remove(ended);
  }

 private:
  void judge_unrecorded() {
    if (directory_.has_records()) return keep("its records are damaged");
    // One that was just made belongs to a start under way.
    if (abandoned_) remove("nothing was started in it");
  }

  void remove(const std::string& reason) {
    const auto all = [&] { directory_.remove(read_staged_names(directory_)); };
    bin_.take(Garbage(GarbageKind::machine, directory_.path(), reason), all);
  }

  void keep(const std::string& reason) {
    const std::string name = directory_.path().filename().string();
    const std::string fleet = directory_.path().parent_path().filename().string();
    Garbage kept(GarbageKind::machine, directory_.path(),
                 fmt::format("{}; `vmfleet rm -p {} {}` removes it", reason, fleet, name));
    kept.size = size_on_disk(directory_.path());
    bin_.keep(std::move(kept));
  }

  /// It can be started again: only what was not finished, or has been replaced since, goes.
  void clean() {
    for (const auto& name : directory_.remnants()) {
      const auto corrupt = name.rfind(".corrupt");
      if (corrupt == std::string::npos) {
        bin_.take_path(GarbageKind::temporary, directory_.file(name.c_str()), kUnfinished);
        continue;
      }
      std::error_code ignored;
      if (!std::filesystem::exists(directory_.path() / name.substr(0, corrupt), ignored)) continue;
      bin_.take_path(GarbageKind::record, directory_.file(name.c_str()),
                     "a damaged record, which was replaced");
    }
    for (const auto& name : disks_in(directory_)) {
      const bool unfinished = name.size() > 5 && name.compare(name.size() - 5, 5, ".part") == 0;
      if (!unfinished) continue;
      bin_.take_path(GarbageKind::temporary, directory_.file(name.c_str()), kUnfinished);
    }
  }

  static constexpr const char* kUnfinished = "it was not finished";

  const InstanceDirectory& directory_;
  bool abandoned_;
  GarbageBin& bin_;
  std::optional<Intent> intent_;
};

void collect_machine(const std::filesystem::path& path, GarbageBin& bin) {
  try {
    const bool abandoned = is_abandoned(path);
    const auto directory = InstanceDirectory::open(path);
    if (is_alive(directory)) return;
    directory.require_ours_or_bare();  // before the lock makes a file there
    const auto lock = OperationLock::acquire(directory);
    if (is_alive(directory)) return;
    directory.require_ours_or_bare();
    DeadMachine(directory, abandoned, bin).judge();
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::not_found) return;  // removed while we looked
    bin.keep(Garbage(GarbageKind::machine, path, error.message()));
  }
}

/// A folder that may be empty once its garbage is gone. One that is empty for another reason was
/// perhaps just made.
class EmptiedFolder {
 public:
  EmptiedFolder(std::filesystem::path path, const GarbageBin& bin)
      : path_(std::move(path)), bin_(bin), abandoned_(is_abandoned(path_)), before_(bin.count()) {}
  void remove() const {
    if (!bin_.dry_run() && (abandoned_ || bin_.count() > before_)) ::rmdir(path_.c_str());
  }

 private:
  std::filesystem::path path_;
  const GarbageBin& bin_;
  bool abandoned_;
  std::size_t before_;
};

/// A root that a machine has made for itself: `vmfleet-` and six more letters.
bool is_own_root(const std::filesystem::path& path) {
  constexpr std::string_view kPrefix = "vmfleet-";
  const std::string name = path.filename().string();
  return name.size() == kPrefix.size() + 6 && name.rfind(kPrefix, 0) == 0 &&
         name.find('-', kPrefix.size()) == std::string::npos;
}

}  // namespace

void collect_machines(const std::filesystem::path& state_root, GarbageBin& bin) {
  for (const auto& fleet : list_fleets(state_root)) {
    if (!is_valid_name(fleet)) continue;
    const auto folder = state_root / fleet;
    std::error_code ignored;
    std::vector<std::filesystem::path> machines;
    for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
      if (entry.is_directory(ignored) && !entry.is_symlink(ignored)) machines.push_back(entry);
    }
    std::sort(machines.begin(), machines.end());
    EmptiedFolder emptied(folder, bin);
    for (const auto& machine : machines) collect_machine(machine, bin);
    emptied.remove();
  }
}

void collect_own_roots(GarbageBin& bin) {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  std::vector<std::filesystem::path> folders = {std::filesystem::temp_directory_path()};
  if (runtime != nullptr && *runtime == '/') folders.emplace_back(runtime);
  for (const auto& folder : folders) {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
      struct stat status {};
      const bool ours = is_own_root(entry) && ::lstat(entry.path().c_str(), &status) == 0 &&
                        S_ISDIR(status.st_mode) && status.st_uid == ::geteuid();
      if (!ours) continue;
      EmptiedFolder root(entry, bin);
      collect_machines(entry, bin);
      root.remove();
    }
  }
}

}  // namespace vmfleet
