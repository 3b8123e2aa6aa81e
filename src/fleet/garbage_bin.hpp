// SPDX-License-Identifier: MIT
// GarbageBin: what one collection has found, and the parts of it. Private to this room.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string_view>

#include <vmfleet/fleet/garbage.hpp>

namespace vmfleet {

class GarbageBin {
 public:
  explicit GarbageBin(bool dry_run) : dry_run_(dry_run) {}

  /// Removes it, but in a dry run. What `remove` throws is reported with it.
  void take(Garbage garbage, const std::function<void()>& remove);
  /// A file or a whole folder.
  void take_path(GarbageKind kind, const std::filesystem::path& path, std::string reason);
  /// What `look` throws is reported of this folder, in which garbage of that kind was looked for.
  void look_into(GarbageKind kind, const std::filesystem::path& folder,
                 const std::function<void()>& look);
  void keep(Garbage garbage) { report_.kept.push_back(std::move(garbage)); }

  /// What was removed so far.
  [[nodiscard]] std::size_t count() const noexcept { return report_.removed.size(); }
  [[nodiscard]] bool dry_run() const noexcept { return dry_run_; }
  [[nodiscard]] GarbageReport report() && { return std::move(report_); }

 private:
  bool dry_run_;
  GarbageReport report_;
};

/// Whether it is ours, and nobody has touched it for so long: no command works on a file for an
/// hour without that.
bool is_abandoned(const std::filesystem::path& path,
                  std::chrono::hours patience = std::chrono::hours(1));

/// The ending of a file or folder that mkstemp(3) or mkdtemp(3) has named.
bool has_six_letters_after(std::string_view name, char dot);

/// nullopt when there is none.
std::optional<std::filesystem::path> temporary_folder();

/// Folders of machines, and what is unfinished or set aside in those that stay. Blocking.
void collect_machines(const std::filesystem::path& state_root, GarbageBin& bin);
/// State roots that machines with none have made, and whose owners were killed. Blocking.
void collect_own_roots(GarbageBin& bin);
/// Unfinished files and folders in the state root, the cache and the temporary folder. Blocking.
void collect_temporaries(const GarbageOptions& options, GarbageBin& bin);
/// What the cache remembers of what is gone, unfinished images, and kernels and templates that
/// nobody used for long. Blocking.
void collect_cache(const std::filesystem::path& cache_root, GarbageBin& bin);
/// Of that: kernels that nobody used for long, in their folder.
void collect_kernels(const std::filesystem::path& kernels, GarbageBin& bin);
/// Of that: builds and removals of images that were killed, in the folder of images.
void collect_builds(const std::filesystem::path& images, GarbageBin& bin);
/// QEMUs whose folders in this state root are gone are ended; others are told of.
Task<void> collect_orphans(std::filesystem::path state_root, GarbageBin& bin);

}  // namespace vmfleet
