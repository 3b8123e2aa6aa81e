// SPDX-License-Identifier: MIT
// Writing what is put into a guest.
#include "machine/injecting.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>

#include <fmt/format.h>

#include <image/iso.hpp>
#include <image/staged_file.hpp>
#include <vmfleet/async/offload.hpp>
#include <vmfleet/base/base64.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/base/random_bytes.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/image/initrd.hpp>
#include <vmfleet/io/files.hpp>
#include <vmfleet/qemu/injected_files.hpp>

#include "machine/tool.hpp"

namespace vmfleet {

namespace {

using image::StagedFile;

// An initrd is unpacked into memory as a whole, by us and by the guest.
constexpr Bytes kLargestFile = Bytes::gibi(1);
// *Source*: SMBIOS 2.1 gives all its tables together 64 KiB.
constexpr Bytes kLargestCredential(32 * 1024);

void write_private(const std::filesystem::path& path, std::string_view data) {
  const UniqueFd fd = files::open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  files::write_all(fd.get(), data, path);
}

std::string content_of(const Injection& injection) {
  return injection.text ? *injection.text : files::read(injection.source, kLargestFile);
}

std::string credential_of(const Injection& injection) {
  std::string text = fmt::format("io.systemd.credential.binary:{}={}", injection.path,
                                 encode_base64(content_of(injection)));
  if (text.size() <= kLargestCredential.count()) return text;
  throw Error(
      ErrorKind::unavailable,
      fmt::format("the credential {} has {} in base64, more than the {} that fit into "
                  "SMBIOS tables",
                  injection.path, to_string(Bytes(text.size())), to_string(kLargestCredential)))
      .hint(fmt::format("inject it via = \"fw_cfg\" with path = \"io.systemd.credentials/{}\"",
                        injection.path));
}

void write_cloud_disk(const MachineConfig& config, const InstanceDirectory& directory) {
  std::map<std::string, std::string> contents{
      {"meta-data", fmt::format("instance-id: {}\nlocal-hostname: {}\n", config.uuid, config.name)},
      {"user-data", "#cloud-config\n"}};
  for (const Injection& injection : config.injections) {
    if (injection.via != InjectionWay::cloud_init || injection.path.empty()) continue;
    contents[injection.path] = content_of(injection);
  }
  write_private(cloud_disk_path(directory.path()), image::make_iso("cidata", contents));
}

/// Everybody's files are read, a program runs, a secret stays one.
mode_t mode_of(const Injection& injection) {
  struct stat status {};
  const bool known = !injection.text && ::stat(injection.source.c_str(), &status) == 0;
  return known ? status.st_mode & 0777 : 0644;
}

/// Linux gives the folders above a file the modes that the archive has for them, also when they are
/// there already.
void add_special_folders(InitrdWriter& writer, const std::vector<std::string>& paths) {
  struct Folder {
    const char* path;
    mode_t mode;
  };
  constexpr Folder kSpecial[] = {
      {"/tmp", 01777}, {"/var/tmp", 01777}, {"/root", 0700}, {"/root/.ssh", 0700}};
  for (const auto& [folder, mode] : kSpecial) {
    const std::string start = std::string(folder) + "/";
    const bool used = std::any_of(paths.begin(), paths.end(), [&](const std::string& path) {
      return path.compare(0, start.size(), start) == 0;
    });
    if (used) writer.directory(folder, mode);
  }
}

/// The archive of the files for the initrd; "" when there are none.
std::string archive_of(const MachineConfig& config) {
  InitrdWriter writer;
  std::vector<std::string> paths;
  for (const Injection& injection : config.injections) {
    if (injection.via == InjectionWay::initrd) paths.push_back(injection.path);
  }
  if (paths.empty()) return {};
  add_special_folders(writer, paths);
  for (const Injection& injection : config.injections) {
    if (injection.via != InjectionWay::initrd) continue;
    writer.file(injection.path, content_of(injection), mode_of(injection));
  }
  return std::move(writer).finish();
}

StagedFile& begin(std::optional<StagedFile>& file, const std::filesystem::path& path) {
  return file.emplace(path, path.filename().string() + ".part", 0600);
}

void begin_boot_files(const MachineConfig& config, const InstanceDirectory& directory,
                      std::optional<StagedFile>& kernel, std::optional<StagedFile>& initrd) {
  if (owns_kernel(config)) {
    begin(kernel, kernel_path(config, directory.path())).copy_from(config.kernel);
  }
  if (!owns_initrd(config)) return;
  StagedFile& file = begin(initrd, initrd_path(config, directory.path()));
  if (!config.initrd.empty()) file.copy_from(config.initrd);
  constexpr std::uint64_t kAlignment = 4;  // Linux skips zeros between archives
  file.append(std::string((kAlignment - file.size() % kAlignment) % kAlignment, '\0'));
  file.append(archive_of(config));
}

}  // namespace

void write_injected(const MachineConfig& config, const InstanceDirectory& directory) {
  if (offers_entropy(config)) write_private(entropy_path(directory.path()), random_bytes(32));
  for (std::size_t i = 0; i < config.injections.size(); ++i) {
    const Injection& injection = config.injections[i];
    if (!needs_file(config, injection)) continue;
    const bool credential =
        injection.via == InjectionWay::credential && firmware_name(config, injection).empty();
    write_private(injected_path(config, i, directory.path()),
                  credential ? credential_of(injection) : content_of(injection));
  }
  if (has_cloud_disk(config)) write_cloud_disk(config, directory);
}

Task<void> make_boot_files(const MachineConfig& config, const InstanceDirectory& directory) {
  std::optional<StagedFile> kernel;
  std::optional<StagedFile> initrd;
  if (!owns_kernel(config) && !owns_initrd(config)) co_return;
  auto begin = [&] { begin_boot_files(config, directory, kernel, initrd); };
  co_await offload(begin);
  for (std::size_t i = 0; i < config.injections.size(); ++i) {
    const Injection& tool = config.injections[i];
    if (tool.via != InjectionWay::tool) continue;
    if (!mentions(tool, "kernel") && !mentions(tool, "initrd")) continue;
    ToolTargets targets;
    if (kernel) targets.kernel = kernel->temporary();
    if (initrd) targets.initrd = initrd->temporary();
    co_await run_tool(config, i, directory, std::move(targets));
  }
  auto end = [&] {
    for (auto* file : {&kernel, &initrd}) {
      if (!*file) continue;
      (*file)->reopen();
      (*file)->commit();
    }
  };
  co_await offload(end);
}

}  // namespace vmfleet
