// SPDX-License-Identifier: MIT
// plan_staging: which disks fit what is asked for.
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <optional>
#include <set>

#include <fmt/format.h>

#include <vmfleet/base/error.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/io/files.hpp>
#include <vmfleet/machine/machine.hpp>
#include <vmfleet/qemu/injected_files.hpp>

#include "machine/staging.hpp"

namespace vmfleet {

namespace {

constexpr const char* kRemake =
    "`vmfleet up --recreate` makes it anew; what the guest wrote to it is lost then";

bool exists(const InstanceDirectory& directory, const std::string& name) {
  struct stat status {};
  if (::fstatat(directory.fd(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return false;
    throw errno_error("inspect " + directory.file(name.c_str()).string(), errno);
  }
  if (S_ISREG(status.st_mode) && status.st_nlink == 1) return true;
  throw Error(ErrorKind::conflict, fmt::format("{} is not the disk that was made there",
                                               directory.file(name.c_str()).string()))
      .hint("a link stands in its place: move it away");
}

bool is_snapshot(const DiskOrigin& origin) {
  return origin.mode == to_string(DiskMode::snapshot);
}

/// Why a disk that exists is of no use for what is asked for now; nullopt when it is.
std::optional<Error> misfit(const std::string& name, const DiskOrigin* made,
                            const DiskOrigin& asked) {
  if (made == nullptr) {
    return Error(ErrorKind::conflict,
                 fmt::format("it is not known what disk {} was made from", name))
        .hint(kRemake);
  }
  if (!made->same_request(asked)) {
    return Error(ErrorKind::conflict,
                 fmt::format("the configuration of disk {} changed: it is the {}, asked for is "
                             "the {}",
                             name, made->describe(), asked.describe()))
        .hint(std::string("undo the change to keep the disk; ") + kRemake);
  }
  if (made->tools != asked.tools) {
    return Error(ErrorKind::conflict,
                 fmt::format("what tools do to disk {} changed since it was made", name))
        .hint(std::string("undo the change to keep the disk; ") + kRemake);
  }
  if (made->same_source(asked)) return std::nullopt;
  return Error(ErrorKind::conflict,
               fmt::format("{} changed since disk {} was made from it", asked.file, name))
      .hint(std::string(asked.mode == to_string(DiskMode::overlay)
                            ? "an overlay is of no use over another file: put the old one back; "
                            : "put the old one back to keep the disk; ") +
            kRemake);
}

/// What tells whether the same tools would put the same things into this disk.
std::string fingerprint_of_tools(const MachineConfig& config, std::size_t disk) {
  std::string all;
  for (const Injection& injection : config.injections) {
    if (!works_on_disk(config, injection, disk)) continue;
    const std::string content =
        injection.source.empty() ? "" : files::content_hash(injection.source);
    for (const auto& part : {shell_join(injection.command), injection.path, injection.source,
                             injection.text.value_or(""), content}) {
      all += part + '\0';
    }
  }
  return all.empty() ? all : short_hash(all);
}

DiskOrigin origin_of(const MachineConfig& config, std::size_t index, SourceCheck check) {
  const Disk& disk = config.disks[index];
  DiskOrigin origin(disk, FileStamp::of(disk.file));
  if (check == SourceCheck::content) origin.content = files::content_hash(disk.file);
  origin.tools = fingerprint_of_tools(config, index);
  return origin;
}

/// The record of a disk that is kept: what was found out by reading it all is not forgotten, nor
/// what it is an overlay on.
DiskOrigin kept(const DiskOrigin& made, const DiskOrigin& asked) {
  if (asked.content.empty()) return made;
  DiskOrigin origin = asked;
  origin.base = made.base;
  return origin;
}

std::vector<std::size_t> tools_of(const MachineConfig& config, std::size_t disk) {
  std::vector<std::size_t> tools;
  for (std::size_t i = 0; i < config.injections.size(); ++i) {
    if (works_on_disk(config, config.injections[i], disk)) tools.push_back(i);
  }
  return tools;
}

/// Disks of an earlier configuration that has no place for them.
void plan_removals(StagingPlan& plan, const StagedRecord& made, const std::set<std::string>& wanted,
                   const InstanceDirectory& directory, bool remake) {
  for (const auto& [name, origin] : made) {
    if (wanted.count(name) > 0) continue;
    if (!remake && !is_snapshot(origin) && exists(directory, name)) {
      throw Error(ErrorKind::conflict,
                  fmt::format("the configuration has no place any more for disk {}, the {}", name,
                              origin.describe()))
          .hint(
              "undo the change to keep the disk; `vmfleet up --recreate` removes it with what "
              "the guest wrote to it");
    }
    plan.to_remove.push_back(name);
  }
}

/// A template that was made anew has the key of the one before, and other disks: an overlay that
/// comes back (see `Machine::restore`) shall find the file that it was made on.
std::string name_of_base(const StagingPlan::Item& item, const std::string& key) {
  const FileStamp stamp = FileStamp::of(item.saved);
  const std::string which = fmt::format("{} {} {}", key, stamp.inode, stamp.changed_ns);
  return fmt::format("{}.{}", item.name, short_hash(which));
}

}  // namespace

bool disks_fit(const MachineConfig& config, const std::filesystem::path& instance_directory,
               bool verify) {
  const SourceCheck check = verify ? SourceCheck::content : SourceCheck::stamp;
  const auto directory = InstanceDirectory::open(instance_directory);
  const StagedRecord made = read_staged(directory);
  std::size_t wanted = 0;
  for (std::size_t i = 0; i < config.disks.size(); ++i) {
    const Disk& disk = config.disks[i];
    if (!is_staged(disk)) continue;
    ++wanted;
    const auto known = made.find(disk_path(disk, i, "").filename().string());
    const DiskOrigin asked = origin_of(config, i, check);
    if (known == made.end() || !known->second.same_request(asked)) return false;
    if (known->second.tools != asked.tools || !known->second.same_source(asked)) return false;
  }
  return wanted == made.size();
}

StagingPlan plan_staging(const MachineConfig& config, const InstanceDirectory& directory,
                         bool remake, SourceCheck check) {
  const StagedRecord made = read_staged(directory);
  StagingPlan plan;
  std::set<std::string> wanted;
  for (std::size_t i = 0; i < config.disks.size(); ++i) {
    const Disk& disk = config.disks[i];
    if (!is_staged(disk)) continue;
    const std::string name = disk_path(disk, i, directory.path()).filename().string();
    const DiskOrigin asked = origin_of(config, i, check);
    const auto known = made.find(name);
    const DiskOrigin* origin = known == made.end() ? nullptr : &known->second;
    wanted.insert(name);
    if (exists(directory, name)) {
      const bool disposable = origin != nullptr && is_snapshot(*origin);
      const auto problem = misfit(name, origin, asked);
      if (problem && !disposable && !remake) throw *problem;
      if (!problem && !disposable) {
        plan.record[name] = kept(*origin, asked);
        plan.learnt = plan.learnt || plan.record[name].content != origin->content;
        continue;
      }
    }
    StagingPlan::Item& item = plan.to_make.emplace_back();
    item.disk = disk;
    item.name = name;
    item.origin = asked;
    item.tools = tools_of(config, i);
  }
  plan_removals(plan, made, wanted, directory, remake);
  for (const auto& [name, origin] : made) {
    wanted.insert(name);
    if (origin.base.empty()) continue;
    plan.names.push_back(origin.base);
    if (plan.record.count(name) == 0) plan.old_bases.push_back(origin.base);
  }
  for (const auto& name : wanted) {
    plan.names.push_back(name);
    plan.names.push_back(name + ".part");
  }
  return plan;
}

void stage_saved(StagingPlan& plan, const MachineTemplate& original) {
  if (!plan.record.empty()) {
    throw Error(ErrorKind::unavailable, "it has a disk already, from an earlier start");
  }
  for (StagingPlan::Item& item : plan.to_make) {
    item.saved = original.directory / item.name;
    item.tools.clear();  // they have worked on it, and its guest's memory knows what is there
    if (item.disk.mode == DiskMode::copy) continue;
    item.origin.base = name_of_base(item, original.key);
    plan.names.push_back(item.origin.base);
    std::erase(plan.old_bases, item.origin.base);
  }
}

bool keeps_disks(const MachineConfig& config, const std::filesystem::path& instance_directory,
                 bool remake) {
  const auto directory = InstanceDirectory::open(instance_directory);
  return !plan_staging(config, directory, remake).record.empty();
}

}  // namespace vmfleet
