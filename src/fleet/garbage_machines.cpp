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
#include <vmfleet/machine/snapshot.hpp>
#include <vmfleet/qemu/validate.hpp>

#include "fleet/garbage_bin.hpp"

namespace vmfleet {

namespace {

/// How records are read: who only looks leaves damaged ones where they are.
Damaged damaged_in(const GarbageBin& bin) {
  return bin.dry_run() ? Damaged::left : Damaged::set_aside;
}

/// nullopt for a damaged record.
std::optional<Intent> intent_of(const InstanceDirectory& directory, const GarbageBin& bin) {
  try {
    return bin.dry_run() ? peek_intent(directory) : read_intent(directory);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corrupt) throw;
    return std::nullopt;
  }
}

/// Judges one machine, which does not live. Under its lock.
class DeadMachine {
 public:
  /// `abandoned`: it was so before the lock was taken.
  DeadMachine(const InstanceDirectory& directory, bool abandoned, GarbageBin& bin)
      : directory_(directory),
        abandoned_(abandoned),
        bin_(bin),
        intent_(intent_of(directory, bin)),
        staged_(read_staged_names(directory, damaged_in(bin))) {}

  void judge() {
    if (!intent_) return judge_unrecorded();
    if (intent_->ephemeral) {
      if (!directory_.is_held()) remove("the program that it belonged to has ended");
      return;
    }
    if (intent_->boot_id == host_boot_id()) return clean();
    const std::string ended = "it ended before this host was restarted";
    const auto disks = disks_there();
    const auto others = foreign_files(directory_, staged_);
    if (!disks.empty()) return keep(ended + ", but has a disk of its own: " + join(disks, ", "));
    if (!list_snapshots(directory_.path()).empty()) return keep(ended + ", but has snapshots");
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
    const auto all = [&] { directory_.remove(staged_); };
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
    std::error_code none;
    const auto snapshots = directory_.path() / instance_file::kSnapshots;
    for (const auto& entry : std::filesystem::directory_iterator(snapshots, none)) {
      const bool begun = entry.path().filename().string().front() == '.';
      if (begun) bin_.take_path(GarbageKind::temporary, entry, kUnfinished);
    }
    for (const auto& name : disks_there()) {
      const bool unfinished = name.size() > 5 && name.compare(name.size() - 5, 5, ".part") == 0;
      if (!unfinished) continue;
      bin_.take_path(GarbageKind::temporary, directory_.file(name.c_str()), kUnfinished);
    }
  }

  [[nodiscard]] std::vector<std::string> disks_there() const {
    std::vector<std::string> disks = staged_;
    std::erase_if(disks, [&](const std::string& name) {
      std::error_code ignored;
      return !std::filesystem::exists(directory_.file(name.c_str()), ignored);
    });
    return disks;
  }

  static constexpr const char* kUnfinished = "it was not finished";

  const InstanceDirectory& directory_;
  bool abandoned_;
  GarbageBin& bin_;
  std::optional<Intent> intent_;
  std::vector<std::string> staged_;
};

void judge_machine(const InstanceDirectory& directory, bool abandoned, GarbageBin& bin) {
  if (is_alive(directory)) return;
  directory.require_ours_or_bare();
  DeadMachine(directory, abandoned, bin).judge();
}

/// In a dry run, which makes no file, not that of the lock either.
void judge_unlocked(const InstanceDirectory& directory, bool abandoned, GarbageBin& bin) {
  if (!OperationLock::held(directory)) return judge_machine(directory, abandoned, bin);
  const std::string name = directory.path().filename().string();
  bin.keep(Garbage(GarbageKind::machine, directory.path(), "another command works on " + name));
}

void collect_machine(const std::filesystem::path& path, GarbageBin& bin) {
  try {
    const bool abandoned = is_abandoned(path);
    const auto directory = InstanceDirectory::open(path);
    if (is_alive(directory)) return;
    directory.require_ours_or_bare();  // before the lock makes a file there
    if (!abandoned && !directory.has_records()) return;
    if (bin.dry_run()) return judge_unlocked(directory, abandoned, bin);
    const auto lock = OperationLock::acquire(directory);
    judge_machine(directory, abandoned, bin);
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

/// Perhaps a root that a machine has made for itself: `vmfleet-` and six more letters. Archives
/// unpack to such names too.
bool is_own_root(const std::filesystem::path& path) {
  constexpr std::string_view kPrefix = "vmfleet-";
  const std::string name = path.filename().string();
  return name.size() == kPrefix.size() + 6 && name.rfind(kPrefix, 0) == 0 &&
         name.find('-', kPrefix.size()) == std::string::npos;
}

/// *Errors*: when the folder cannot be looked into, since then it is not known what is there.
std::vector<std::filesystem::path> folders_of(const std::filesystem::path& fleet) {
  std::vector<std::filesystem::path> machines;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(fleet)) {
    if (entry.is_directory(ignored) && !entry.is_symlink(ignored)) machines.push_back(entry);
  }
  std::sort(machines.begin(), machines.end());
  return machines;
}

/// Nobody says that it is a machine's: only a record does.
bool is_proven_machine(const std::filesystem::path& path) {
  try {
    return is_proven(InstanceDirectory::open(path));
  } catch (const Error& error) {
    const bool others = error.kind() == ErrorKind::conflict || error.kind() == ErrorKind::not_found;
    if (!others) throw;
    return false;
  }
}

/// Machines in one folder of fleets. `is_machine` tells which folders are.
template <class IsMachine>
void collect_fleets(const std::filesystem::path& root, GarbageBin& bin, IsMachine is_machine) {
  for (const auto& fleet : list_fleets(root)) {
    if (!is_valid_name(fleet)) continue;
    const auto collect = [&] {
      auto machines = folders_of(root / fleet);
      std::erase_if(machines, [&](const auto& path) { return !is_machine(path); });
      EmptiedFolder emptied(root / fleet, bin);
      for (const auto& machine : machines) collect_machine(machine, bin);
      emptied.remove();
    };
    bin.look_into(GarbageKind::machine, root / fleet, collect);
  }
}

bool has_machine(const std::filesystem::path& root) {
  for (const auto& fleet : list_fleets(root)) {
    if (!is_valid_name(fleet)) continue;
    const auto folders = folders_of(root / fleet);
    if (std::any_of(folders.begin(), folders.end(), &is_proven_machine)) return true;
  }
  return false;
}

bool is_own_folder(const std::filesystem::path& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
         status.st_uid == ::geteuid();
}

void collect_own_roots_in(const std::filesystem::path& folder, GarbageBin& bin) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (!is_own_root(entry) || !is_own_folder(entry)) continue;
    const auto collect = [&] {
      if (!has_machine(entry)) return;
      EmptiedFolder root(entry, bin);
      collect_fleets(entry, bin, &is_proven_machine);
      root.remove();
    };
    bin.look_into(GarbageKind::machine, entry, collect);
  }
}

}  // namespace

void collect_machines(const std::filesystem::path& state_root, GarbageBin& bin) {
  const auto any = [](const std::filesystem::path&) { return true; };
  const auto collect = [&] { collect_fleets(state_root, bin, any); };
  bin.look_into(GarbageKind::machine, state_root, collect);
}

void collect_own_roots(GarbageBin& bin) {
  std::vector<std::filesystem::path> folders;
  if (auto temporary = temporary_folder()) folders.push_back(*std::move(temporary));
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  std::error_code ignored;
  if (runtime != nullptr && *runtime == '/' && std::filesystem::is_directory(runtime, ignored)) {
    folders.emplace_back(runtime);
  }
  for (const auto& folder : folders) {
    const auto collect = [&] { collect_own_roots_in(folder, bin); };
    bin.look_into(GarbageKind::machine, folder, collect);
  }
}

}  // namespace vmfleet
