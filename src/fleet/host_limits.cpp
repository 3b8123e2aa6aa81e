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

// Measured: an idle QEMU has 15–20 MB of its own.
constexpr Bytes kQemuItself = Bytes::mebi(24);
// While it is launched a machine costs this process at most so many descriptors, and a little for
// the loop itself.
constexpr std::size_t kDescriptorsEach = 20;
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

std::string in_gibi(Bytes size) {
  return fmt::format("{:.1f}G", static_cast<double>(size.count()) / (1 << 30));
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

void require_descriptors(std::size_t machines) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const std::size_t descriptors = machines * kDescriptorsEach + kDescriptorsOther;
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

void require_host_room(Bytes guest_memory, std::size_t machines) {
  if (machines == 0) return;
  const Bytes wanted(guest_memory.count() + machines * kQemuItself.count());
  const auto available = available_memory();
  if (available && wanted > *available) {
    throw Error(ErrorKind::host_unfit, fmt::format("{} machines need {} of memory, {} is available",
                                                   machines, in_gibi(wanted), in_gibi(*available)))
        .hint("start fewer (-n), or give each less (--memory)");
  }
  require_descriptors(machines);
}

void require_disk_room(const std::filesystem::path& root, Bytes copies, std::size_t machines) {
  if (machines == 0) return;
  const auto status = look_at_disk(std::filesystem::absolute(root));
  if (!status) return;
  const std::uint64_t free = std::uint64_t{status->f_bavail} * std::uint64_t(status->f_bsize);
  const std::uint64_t wanted =
      machines * kFolder.count() + (shares_blocks(*status) ? 0 : copies.count());
  if (wanted <= free) return;
  throw Error(ErrorKind::host_unfit,
              fmt::format("{} machines need {} MiB of disk in {}, {} MiB are free", machines,
                          (wanted >> 20) + 1, root.string(), free >> 20))
      .hint("free some, or name another place with --state-dir; mode = \"overlay\" copies no disk");
}

}  // namespace vmfleet
