// SPDX-License-Identifier: MIT
// Image locks explained with /proc.
#include "machine/image_users.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <image/image_lock.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/base/text.hpp>

#include "machine/process_names.hpp"

namespace vmfleet {

std::vector<std::string> find_image_users(const std::filesystem::path& image) {
  struct stat wanted {};
  if (::stat(image.c_str(), &wanted) != 0) return {};
  return name_holders([&](const OpenDescriptor& descriptor) {
    struct stat status {};
    return descriptor.pid != ::getpid() &&
           ::fstatat(descriptor.folder, descriptor.name, &status, 0) == 0 &&
           status.st_dev == wanted.st_dev && status.st_ino == wanted.st_ino;
  });
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
