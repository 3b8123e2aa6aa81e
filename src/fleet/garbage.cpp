// SPDX-License-Identifier: MIT
// Collecting garbage: machines first, for what they leave.
#include <vmfleet/fleet/garbage.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include <vmfleet/async/offload.hpp>
#include <vmfleet/instance/state_root.hpp>
#include <vmfleet/machine/machine_report.hpp>

#include "fleet/garbage_bin.hpp"

namespace vmfleet {

std::string_view to_string(GarbageKind kind) noexcept {
  switch (kind) {
    case GarbageKind::machine:
      return "machine";
    case GarbageKind::run:
      return "run";
    case GarbageKind::record:
      return "record";
    case GarbageKind::temporary:
      return "temporary";
    case GarbageKind::image:
      return "image";
    case GarbageKind::cache:
      return "cache";
    case GarbageKind::process:
      return "process";
  }
  return "temporary";
}

json::Value Garbage::to_json() const {
  json::Object object{{"kind", to_string(kind)}, {"path", path.string()}};
  if (pid) object.set("pid", int{*pid});
  object.set("bytes", size.count());
  object.set("reason", reason);
  if (error) object.set("error", error_to_json(*error));
  return object;
}

Bytes GarbageReport::size() const {
  std::uint64_t sum = 0;
  for (const Garbage& garbage : removed) sum += garbage.size.count();
  return Bytes(sum);
}

bool GarbageReport::failed() const {
  return std::any_of(kept.begin(), kept.end(),
                     [](const Garbage& garbage) { return garbage.error.has_value(); });
}

Bytes size_on_disk(const std::filesystem::path& path) {
  constexpr std::uint64_t kUnit = 512;
  const auto size_of = [](const std::filesystem::path& file) -> std::uint64_t {
    struct stat status {};
    return ::lstat(file.c_str(), &status) == 0 ? std::uint64_t(status.st_blocks) * kUnit : 0;
  };
  std::uint64_t sum = size_of(path);
  std::error_code ignored;
  if (std::filesystem::is_symlink(path, ignored)) return Bytes(sum);
  std::filesystem::recursive_directory_iterator entries(path, ignored);
  for (; entries != std::filesystem::recursive_directory_iterator(); entries.increment(ignored)) {
    sum += size_of(entries->path());
  }
  return Bytes(sum);
}

bool is_abandoned(const std::filesystem::path& path, std::chrono::hours patience) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0 || status.st_uid != ::geteuid()) return false;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::seconds(status.st_mtim.tv_sec) + patience < now;
}

std::optional<std::filesystem::path> temporary_folder() {
  std::error_code error;
  auto folder = std::filesystem::temp_directory_path(error);
  if (error) return std::nullopt;
  return folder;
}

void GarbageBin::look_into(GarbageKind kind, const std::filesystem::path& folder,
                           const std::function<void()>& look) {
  Garbage garbage(kind, folder, "");
  try {
    return look();
  } catch (const Error& error) {
    garbage.error = error;
  } catch (const std::filesystem::filesystem_error& error) {
    garbage.error = errno_error("look into " + folder.string(), error.code().value());
  }
  garbage.reason = garbage.error->message();
  keep(std::move(garbage));
}

void GarbageBin::take(Garbage garbage, const std::function<void()>& remove) {
  if (garbage.size.count() == 0 && !garbage.pid) garbage.size = size_on_disk(garbage.path);
  try {
    if (!dry_run_) remove();
    report_.removed.push_back(std::move(garbage));
  } catch (const Error& error) {
    garbage.error = error;
    garbage.reason = error.message();
    report_.kept.push_back(std::move(garbage));
  }
}

void GarbageBin::take_path(GarbageKind kind, const std::filesystem::path& path,
                           std::string reason) {
  const auto remove = [&] {
    std::error_code error;
    std::filesystem::remove_all(path, error);
    if (error) throw errno_error("remove " + path.string(), error.value());
  };
  take(Garbage(kind, path, std::move(reason)), remove);
}

Task<GarbageReport> collect_garbage(GarbageOptions options) {
  const auto root = std::filesystem::absolute(options.state_root).lexically_normal();
  require_state_root(root);
  GarbageBin bin(options.dry_run);
  co_await collect_orphans(root, bin);
  auto look = [&] {
    collect_machines(root, bin);
    collect_own_roots(bin);
    const auto collect = [&] {
      collect_temporaries(options, bin);
      collect_cache(options.cache_root, bin);
    };
    bin.look_into(GarbageKind::temporary, options.cache_root, collect);
  };
  co_await offload(look);
  co_return std::move(bin).report();
}

}  // namespace vmfleet
