// SPDX-License-Identifier: MIT
// Machines that nobody can use again, each judged under its lock.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include <fmt/format.h>

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
  DeadMachine(const InstanceDirectory& directory, GarbageBin& bin)
      : directory_(directory), bin_(bin), intent_(intent_of(directory)) {}

  void judge() {
    const auto reason = why_useless();
    if (!reason) return clean();
    const auto disks = disks_in(directory_);
    const bool was_ephemeral = intent_ && intent_->ephemeral;
    if (!disks.empty() && !was_ephemeral) {
      Garbage kept(
          GarbageKind::machine, directory_.path(),
          fmt::format("{}, but has a disk of its own ({}): `vmfleet rm -p {} {}` removes it",
                      *reason, join(disks, ", "), fleet(), name()));
      kept.size = size_on_disk(directory_.path());
      bin_.keep(std::move(kept));
      return;
    }
    const auto remove = [&] { directory_.remove(read_staged_names(directory_)); };
    bin_.take(Garbage(GarbageKind::machine, directory_.path(), *reason), remove);
  }

 private:
  [[nodiscard]] std::string name() const { return directory_.path().filename().string(); }
  [[nodiscard]] std::string fleet() const {
    return directory_.path().parent_path().filename().string();
  }

  [[nodiscard]] std::optional<std::string> why_useless() const {
    if (!intent_) {
      // One that was just made belongs to a start under way.
      if (!is_abandoned(directory_.path())) return std::nullopt;
      return directory_.has_records() ? "it has no record that it could be started from"
                                      : "nothing was started in it";
    }
    if (intent_->ephemeral) {
      if (directory_.is_held()) return std::nullopt;
      return "the program that it belonged to has ended";
    }
    if (intent_->boot_id != host_boot_id()) return "it ended before this host was restarted";
    return std::nullopt;
  }

  /// It can be started again: only what was not finished, or was damaged, goes.
  void clean() {
    for (const auto& name : directory_.remnants()) {
      const bool damaged = name.rfind(".corrupt") != std::string::npos;
      bin_.take_path(damaged ? GarbageKind::record : GarbageKind::temporary,
                     directory_.file(name.c_str()),
                     damaged ? "a damaged record, which was replaced" : "it was not finished");
    }
    for (const auto& name : disks_in(directory_)) {
      const bool unfinished = name.size() > 5 && name.compare(name.size() - 5, 5, ".part") == 0;
      if (!unfinished) continue;
      bin_.take_path(GarbageKind::temporary, directory_.file(name.c_str()), "it was not finished");
    }
  }

  const InstanceDirectory& directory_;
  GarbageBin& bin_;
  std::optional<Intent> intent_;
};

void collect_machine(const std::filesystem::path& path, GarbageBin& bin) {
  try {
    const auto directory = InstanceDirectory::open(path);
    if (is_alive(directory)) return;
    const auto lock = OperationLock::acquire(directory);
    if (is_alive(directory)) return;
    directory.require_ours_or_bare();
    DeadMachine(directory, bin).judge();
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
