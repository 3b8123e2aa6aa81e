// SPDX-License-Identifier: MIT
// Image locks explained with /proc.
#include "machine/image_users.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <memory>
#include <string_view>

#include <fmt/format.h>

#include <image/image_lock.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/io/files.hpp>

namespace vmfleet {

namespace {

using Directory = std::unique_ptr<DIR, int (*)(DIR*)>;

bool has_open(pid_t pid, const struct stat& wanted) {
  const Directory descriptors(::opendir(fmt::format("/proc/{}/fd", pid).c_str()), &::closedir);
  if (!descriptors) return false;
  while (const dirent* entry = ::readdir(descriptors.get())) {
    struct stat status {};
    if (::fstatat(::dirfd(descriptors.get()), entry->d_name, &status, 0) == 0 &&
        status.st_dev == wanted.st_dev && status.st_ino == wanted.st_ino) {
      return true;
    }
  }
  return false;
}

/// Its pid file is in the machine's directory, which bears the names of machine and fleet.
std::string name_of(pid_t pid) {
  std::string arguments;
  try {
    arguments = files::read(fmt::format("/proc/{}/cmdline", pid));
  } catch (const Error&) {
    return fmt::format("process {}", pid);
  }
  const auto words = split(arguments, '\0');
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] != "-pidfile") continue;
    const auto machine = std::filesystem::path(words[i + 1]).parent_path();
    return fmt::format("{} of fleet {} (process {})", sanitize(machine.filename().string()),
                       sanitize(machine.parent_path().filename().string()), pid);
  }
  return fmt::format("process {} ({})", pid, sanitize(words.front()));
}

}  // namespace

std::vector<std::string> find_image_users(const std::filesystem::path& image) {
  std::vector<std::string> users;
  struct stat wanted {};
  const Directory processes(::opendir("/proc"), &::closedir);
  if (!processes || ::stat(image.c_str(), &wanted) != 0) return users;
  while (const dirent* entry = ::readdir(processes.get())) {
    const std::string_view name(entry->d_name);
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc() || end != name.data() + name.size() || pid == ::getpid()) continue;
    if (has_open(pid, wanted)) users.push_back(name_of(pid));
  }
  return users;
}

void require_free_images(const MachineConfig& config) {
  for (const Disk& disk : config.disks) {
    const bool writes = disk.mode == DiskMode::direct;
    const auto use = writes ? image::ImageUse::write : image::ImageUse::read;
    if (!image::is_excluded(disk.file, use)) continue;
    const auto users = find_image_users(disk.file);
    throw Error(ErrorKind::conflict,
                fmt::format("{} cannot {} {}: it is in use by {}", config.name,
                            writes ? "write to" : "read", disk.file,
                            users.empty() ? "another process" : join(users, ", ")))
        .hint(writes ? "use mode = \"overlay\", or stop the machine that has it"
                     : "stop the machine that writes to it");
  }
}

}  // namespace vmfleet
