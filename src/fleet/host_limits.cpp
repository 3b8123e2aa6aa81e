// SPDX-License-Identifier: MIT
// Memory and descriptors, checked before the first spawn.
#include "fleet/host_limits.hpp"

#include <linux/magic.h>
#include <sys/resource.h>
#include <sys/vfs.h>

#include <fstream>
#include <string>

#include <fmt/format.h>

#include <vmfleet/base/error.hpp>

namespace vmfleet {

namespace {

// Measured, of this process: 3 for a machine that is ready, 5 for one that is stopped or dies with
// us, 6 for one that is waited for, 17 for one that is launched; 14 for itself.
constexpr std::size_t kDescriptorsEach = 8;
constexpr std::size_t kDescriptorsOfLaunch = 20;
constexpr std::size_t kDescriptorsOfClone = 28;  // a template's lock and files, and what renews it
constexpr std::size_t kDescriptorsOther = 64;

// Records and wires: with less no machine begins, and most need three times as much.
constexpr Bytes kFolder(16 * 1024);

/// What the file system has left; nullopt where it does not say.
std::optional<struct statfs> look_at_disk(std::filesystem::path folder) {
  while (folder.has_relative_path() && !std::filesystem::exists(folder)) {
    folder = folder.parent_path();
  }
  struct statfs status {};
  if (::statfs(folder.c_str(), &status) != 0 || status.f_blocks == 0) return std::nullopt;
  return status;
}

bool shares_blocks(const struct statfs& status) {
  return status.f_type == BTRFS_SUPER_MAGIC || status.f_type == XFS_SUPER_MAGIC;
}

/// Of whole units, and `more`.
std::string disk_size(std::uint64_t bytes, std::uint64_t more) {
  constexpr std::uint64_t kMebi = 1 << 20;
  return bytes < 10 * kMebi ? fmt::format("{} KiB", bytes / 1024 + more)
                            : fmt::format("{} MiB", bytes / kMebi + more);
}

std::uint64_t free_bytes(const struct statfs& status) {
  return std::uint64_t{status.f_bavail} * std::uint64_t(status.f_bsize);
}

}  // namespace

std::optional<Bytes> available_memory() {
  // *Source*: proc(5), MemAvailable.
  std::ifstream file("/proc/meminfo");
  std::string key;
  std::uint64_t kibi = 0;
  std::string unit;
  while (file >> key >> kibi && std::getline(file, unit)) {
    if (key == "MemAvailable:") return Bytes(kibi * 1024);
  }
  return std::nullopt;
}

std::size_t descriptors_for(std::size_t machines, std::size_t launches) {
  return machines * kDescriptorsEach + launches * kDescriptorsOfLaunch + kDescriptorsOther;
}

std::size_t descriptors_for_clones(std::size_t launches) {
  return launches * kDescriptorsOfClone;
}

std::size_t descriptors_allowed() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_max;
}

void require_descriptors(std::size_t descriptors, std::size_t machines) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur >= descriptors) return;
  if (limit.rlim_max >= descriptors) {  // ours to raise
    limit.rlim_cur = descriptors;
    if (::setrlimit(RLIMIT_NOFILE, &limit) == 0) return;
  }
  throw Error(ErrorKind::host_unfit,
              fmt::format("{} machines need {} file descriptors, {} are allowed", machines,
                          descriptors, limit.rlim_max))
      .hint("raise the limit with `ulimit -n`, or take fewer at a time");
}

void require_disk_room(const std::filesystem::path& root, Bytes copies, std::size_t machines) {
  if (machines == 0) return;
  const auto status = look_at_disk(std::filesystem::absolute(root));
  if (!status) return;
  const std::uint64_t free = free_bytes(*status);
  const std::uint64_t wanted =
      machines * kFolder.count() + (shares_blocks(*status) ? 0 : copies.count());
  if (wanted <= free) return;
  const bool is_for_copies = wanted > machines * kFolder.count();
  throw Error(ErrorKind::host_unfit,
              fmt::format("{} of disk in {}, {} are free",
                          machines == 1
                              ? "1 machine needs " + disk_size(wanted, 1)
                              : fmt::format("{} machines need {}", machines, disk_size(wanted, 1)),
                          root.string(), disk_size(free, 0)))
      .hint(fmt::format("free some, or name another place with --state-dir{}",
                        is_for_copies ? "; mode = \"overlay\" copies no disk" : ""));
}

void require_template_room(const std::filesystem::path& root, Bytes memory) {
  const auto status = look_at_disk(std::filesystem::absolute(root));
  if (!status || memory.count() <= free_bytes(*status)) return;
  throw Error(ErrorKind::host_unfit, fmt::format("its template needs {} of disk in {}, {} are free",
                                                 disk_size(memory.count(), 1), root.string(),
                                                 disk_size(free_bytes(*status), 0)))
      .hint("free some");
}

}  // namespace vmfleet
