// SPDX-License-Identifier: MIT
// Copies and overlays.
#include "machine/staging.hpp"

#include <unistd.h>

#include <fmt/format.h>

#include <vmfleet/base/error.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/io/process.hpp>

namespace vmfleet {

namespace {

/// Made beside its place and renamed into it, so that a half-made file is never booted from.
Task<void> run_qemu_img(std::vector<std::string> arguments, std::filesystem::path temporary,
                        std::filesystem::path target) {
  ::unlink(temporary.c_str());
  ProcessOptions options(std::move(arguments));
  const ProcessOutput output = co_await run_process(std::move(options));
  if (!output.status.success()) {
    ::unlink(temporary.c_str());
    throw Error(ErrorKind::unavailable, fmt::format("make {}: qemu-img ended with {}",
                                                    target.string(), output.status.describe()))
        .evidence(sanitize(trim(output.err)));
  }
  std::filesystem::rename(temporary, target);
}

Task<void> stage(Disk disk, std::filesystem::path target) {
  const std::filesystem::path temporary = target.string() + ".part";
  const std::string format(to_string(disk.format));
  std::vector<std::string> arguments;
  if (disk.mode == DiskMode::copy) {
    arguments = {"qemu-img", "convert", "-f", format, "-O", format, disk.file, temporary.string()};
  } else {
    arguments = {"qemu-img", "create", "-q", "-f",      "qcow2",
                 "-F",       format,   "-b", disk.file, temporary.string()};
    if (disk.size.count() > 0) arguments.push_back(std::to_string(disk.size.count()));
  }
  co_await run_qemu_img(std::move(arguments), temporary, target);
  if (disk.mode == DiskMode::copy && disk.size.count() > 0) {
    std::vector<std::string> resize{"qemu-img",
                                    "resize",
                                    "-q",
                                    "-f",
                                    format,
                                    target.string(),
                                    std::to_string(disk.size.count())};
    ProcessOptions options(std::move(resize));
    const ProcessOutput output = co_await run_process(std::move(options));
    if (!output.status.success()) {
      ::unlink(target.c_str());
      throw Error(ErrorKind::unavailable, fmt::format("grow {}", target.string()))
          .evidence(sanitize(trim(output.err)));
    }
  }
}

}  // namespace

Task<std::vector<std::string>> stage_disks(const MachineConfig& config,
                                           const InstanceDirectory& directory) {
  std::vector<std::string> staged;
  for (std::size_t i = 0; i < config.disks.size(); ++i) {
    const Disk& disk = config.disks[i];
    if (!is_staged(disk)) continue;
    const auto target = disk_path(disk, i, directory.path());
    staged.push_back(target.filename().string());
    staged.push_back(target.filename().string() + ".part");
    const bool anew = disk.mode == DiskMode::snapshot || !std::filesystem::exists(target);
    if (anew) co_await stage(disk, target);
  }
  co_return staged;
}

}  // namespace vmfleet
