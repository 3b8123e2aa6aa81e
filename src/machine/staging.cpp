// SPDX-License-Identifier: MIT
// Copies and overlays.
#include "machine/staging.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include <fmt/format.h>

#include <image/file_copy.hpp>
#include <image/image_lock.hpp>
#include <image/qcow2.hpp>
#include <image/staged_file.hpp>
#include <io/needed_program.hpp>
#include <vmfleet/async/offload.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/image/staging.hpp>
#include <vmfleet/io/files.hpp>

#include "machine/tool.hpp"

namespace vmfleet {

namespace {

using image::StagedFile;

Bytes size_of(const std::filesystem::path& file, DiskFormat format) {
  if (format == DiskFormat::qcow2) return image::read_qcow2_header(file).virtual_size;
  const UniqueFd fd = files::open(file, O_RDONLY | O_NONBLOCK);
  return Bytes(static_cast<std::uint64_t>(std::max<off_t>(::lseek(fd.get(), 0, SEEK_END), 0)));
}

/// Making one disk.
class Staging {
 public:
  Staging(const StagingPlan::Item& item, const InstanceDirectory& directory,
          const MachineConfig& config)
      : item_(item),
        disk_(item.disk),
        directory_(directory),
        config_(config),
        source_(item.saved.empty() ? std::filesystem::path(disk_.file) : item.saved),
        format_(item.saved.empty() ? disk_.format : opened_format(disk_)),
        target_(directory.path() / item.name),
        // Of the same QEMU, where it has one.
        qemu_img_(std::filesystem::path(config.qemu).parent_path() / "qemu-img") {
    if (::access(qemu_img_.c_str(), X_OK) != 0) qemu_img_ = "qemu-img";
  }

  /// The disk, complete and on the storage, under its temporary name.
  Task<void> make() {
    auto begin = [&] {
      part_.emplace(target_, item_.name + ".part", 0600);
      source_size_ = size_of(source_, format_);
      if (!item_.origin.base.empty()) lay_base();
    };
    co_await offload(begin);
    size_ = item_.saved.empty() ? staged_size(disk_, source_size_) : source_size_;
    if (disk_.mode == DiskMode::copy) {
      co_await copy();
    } else {
      co_await overlay();
    }
    co_await put_in();
    auto end = [&] {
      if (FileStamp::of(disk_.file) != item_.origin.source) {
        throw Error(ErrorKind::unavailable,
                    fmt::format("{} changed while {} was made from it", disk_.file, item_.name))
            .hint("try again when nobody writes to it");
      }
      part_->sync();
    };
    co_await offload(end);
  }

  void put_in_place() { part_->commit(); }

  [[nodiscard]] std::string warning() const {
    if (!item_.saved.empty() || disk_.size.count() == 0 || size_ == disk_.size) return {};
    return fmt::format("{} has {} already, more than the {} of disk \"size\": the disk has {}",
                       disk_.file, to_string(source_size_), to_string(disk_.size),
                       to_string(size_));
  }

 private:
  Task<void> put_in() {
    if (item_.tools.empty()) co_return;
    for (const std::size_t index : item_.tools) {
      ToolTargets targets;
      targets.disk = part_->temporary();
      co_await run_tool(config_, index, directory_, std::move(targets));
    }
    part_->reopen();
  }

  /// The saved disk under a name in the machine's own folder: nobody else can take it away then.
  void lay_base() {
    const auto base = target_.parent_path() / item_.origin.base;
    if (::unlink(base.c_str()) != 0 && errno != ENOENT) {
      throw errno_error("remove " + base.string(), errno);
    }
    if (::link(source_.c_str(), base.c_str()) == 0) return;
    if (errno == ENOENT) throw errno_error("find " + source_.string(), errno);
    stage_copy(source_, base, 0400);  // on another file system
  }

  Task<void> overlay() {
    const std::string& base = item_.origin.base;  // beside the overlay
    std::vector<std::string> words{"create",
                                   "-q",
                                   "-f",
                                   "qcow2",
                                   "-F",
                                   format(),
                                   "-b",
                                   base.empty() ? disk_.file : base,
                                   part_->temporary().string()};
    if (size_ != source_size_) words.push_back(std::to_string(size_.count()));
    co_await run_qemu_img(std::move(words));
  }

  Task<void> copy() {
    if (is_whole_file()) {
      co_await copy_file();
    } else {
      std::vector<std::string> words{
          "convert", "-f", format(), "-O", format(), source_.string(), part_->temporary().string()};
      co_await run_qemu_img(std::move(words));
    }
    if (size_ == source_size_) co_return;
    if (format_ == DiskFormat::raw) {
      part_->grow(size_);
      co_return;
    }
    std::vector<std::string> words{
        "resize", "-q", "-f", format(), part_->temporary().string(), std::to_string(size_.count())};
    co_await run_qemu_img(std::move(words));
  }

  /// No device, and no chain of files that would be broken by moving one of them.
  [[nodiscard]] bool is_whole_file() const {
    if (!std::filesystem::is_regular_file(source_)) return false;
    return format_ == DiskFormat::raw || image::read_qcow2_header(source_).alone;
  }

  Task<void> copy_file() {
    const image::ImageReadLock lock(source_);
    co_await image::copy_in_steps(source_, *part_);
  }

  Task<void> run_qemu_img(std::vector<std::string> words) {
    words.insert(words.begin(), qemu_img_.string());
    NeededProgram qemu_img(ProcessOptions(std::move(words)),
                           fmt::format("make {}: qemu-img", target_.string()),
                           Error(ErrorKind::host_unfit, "there is no qemu-img, which makes disks")
                               .hint("install it: apt install qemu-utils"));
    co_await run_needed(std::move(qemu_img));
  }

  [[nodiscard]] std::string format() const { return std::string(to_string(format_)); }

  const StagingPlan::Item& item_;
  const Disk& disk_;
  const InstanceDirectory& directory_;
  const MachineConfig& config_;
  std::filesystem::path source_;
  DiskFormat format_;  ///< of the source
  std::filesystem::path target_;
  std::filesystem::path qemu_img_;
  std::optional<StagedFile> part_;
  Bytes source_size_;
  Bytes size_;
};

void remove_file(const InstanceDirectory& directory, const std::string& name) {
  if (::unlinkat(directory.fd(), name.c_str(), 0) != 0 && errno != ENOENT) {
    throw errno_error("remove " + directory.file(name.c_str()).string(), errno);
  }
}

}  // namespace

Task<void> carry_out(StagingPlan plan, const InstanceDirectory& directory,
                     const MachineConfig& config, std::function<void(std::string_view)> warn) {
  if (!plan.to_remove.empty() || plan.learnt) {
    auto remove = [&] {
      for (const auto& name : plan.to_remove) remove_file(directory, name);
      write_staged(directory, plan.record);
    };
    co_await offload(remove);
  }
  for (const auto& item : plan.to_make) {
    Staging staging(item, directory, config);
    co_await staging.make();
    plan.record[item.name] = item.origin;
    // In this order: at no point is there a disk with the record of another one.
    auto publish = [&] {
      remove_file(directory, item.name);
      write_staged(directory, plan.record);
      staging.put_in_place();
    };
    co_await offload(publish);
    if (const auto warning = staging.warning(); warn && !warning.empty()) warn(warning);
  }
  if (plan.old_bases.empty()) co_return;
  auto forget = [&] {
    for (const auto& name : plan.old_bases) remove_file(directory, name);
  };
  co_await offload(forget);
}

}  // namespace vmfleet
