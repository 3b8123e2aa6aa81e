// SPDX-License-Identifier: MIT
// TemplateStore: the templates of a user, in a cache folder, made when they are first needed.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <vmfleet/async/task.hpp>
#include <vmfleet/image/image_store.hpp>
#include <vmfleet/machine/template.hpp>

namespace vmfleet {

/// Several processes may use one store at once: a template appears by a rename when it is whole,
/// and of two that want the same one, the second waits and uses what the first has made.
class TemplateStore {
 public:
  explicit TemplateStore(const std::filesystem::path& cache_root = default_cache_root());

  /// All that are whole, the oldest first. Blocking, but short.
  [[nodiscard]] std::vector<MachineTemplate> list() const;
  /// Of these and of those that are damaged, sorted. Blocking, but short.
  [[nodiscard]] std::vector<std::string> keys() const;
  /// Whether machines are just being started from it, or it is being made. Blocking, but short.
  [[nodiscard]] bool is_in_use(const std::string& key) const;
  /// *Errors*: `not_found`; `conflict` when machines are just being started from it, or it is being
  /// made. Machines that run already do not need it any more. Blocking.
  void remove(const std::string& key) const;

  [[nodiscard]] const std::filesystem::path& directory() const noexcept { return directory_; }

  /// The one with this `template_key`, unless somebody makes or removes it just now. A use makes
  /// its folder new. Blocking, but short.
  [[nodiscard]] std::optional<MachineTemplate> find(const std::string& key) const;

  /// The template of such a machine, whose `template_key` is `key`; it is made unless it is kept.
  /// A use makes its folder new.
  /// `told` is told what is being done. `key_now` finds out the key again, in another thread: one
  /// that was booted from files that changed meanwhile is `unavailable`. `identical`: as of
  /// `make_template`; one that is kept may be of that kind whatever is asked for. *Errors*: as
  /// `make_template`. *Cancellation*: what was begun is gone.
  Task<MachineTemplate> find_or_make(
      std::string key, MachineConfig config, Readiness readiness,
      std::function<void(std::string_view)> told, std::function<std::string()> key_now,
      std::optional<std::vector<std::string>> identical = std::nullopt) const;

 private:
  void require_there(const std::string& key) const;
  [[nodiscard]] std::filesystem::path lock_of(const std::string& key) const;
  [[nodiscard]] std::filesystem::path folder_of(const std::string& key) const;

  std::filesystem::path directory_;
};

}  // namespace vmfleet
