// SPDX-License-Identifier: MIT
// The record of staged disks as JSON.
#include "machine/staged_record.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <cstdio>

#include <fmt/format.h>

#include <vmfleet/base/error.hpp>
#include <vmfleet/instance/intent.hpp>
#include <vmfleet/instance/record.hpp>

namespace vmfleet {

namespace {

constexpr std::string_view kDisksSchema = "vmfleet.disks/1";

/// As text: an inode number may be larger than what JSON readers take for a number.
std::string stamp_to_text(const FileStamp& stamp) {
  return fmt::format("{} {} {} {}", stamp.size, stamp.changed_ns, stamp.inode, stamp.touched_ns);
}

FileStamp stamp_from_text(const std::string& text) {
  FileStamp stamp;
  unsigned long long size = 0;
  long long changed = 0;
  unsigned long long inode = 0;
  long long touched = 0;
  if (std::sscanf(text.c_str(), "%llu %lld %llu %lld", &size, &changed, &inode, &touched) >= 3) {
    stamp.size = size;
    stamp.changed_ns = changed;
    stamp.inode = inode;
    stamp.touched_ns = touched;
  }
  return stamp;
}

}  // namespace

FileStamp FileStamp::of(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) throw errno_error("inspect " + path.string(), errno);
  FileStamp stamp;
  stamp.size = static_cast<std::uint64_t>(status.st_size);
  stamp.changed_ns =
      std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + std::int64_t{status.st_mtim.tv_nsec};
  stamp.inode = status.st_ino;
  stamp.touched_ns =
      std::int64_t{status.st_ctim.tv_sec} * 1'000'000'000 + std::int64_t{status.st_ctim.tv_nsec};
  return stamp;
}

DiskOrigin::DiskOrigin(const Disk& disk, const FileStamp& stamp)
    : file(disk.file),
      format(to_string(disk.format)),
      mode(to_string(disk.mode)),
      size(disk.size.count()),
      source(stamp) {}

bool DiskOrigin::same_request(const DiskOrigin& other) const {
  return file == other.file && format == other.format && mode == other.mode && size == other.size;
}

bool DiskOrigin::same_source(const DiskOrigin& now) const {
  if (source != now.source) return false;
  if (now.content.empty()) return true;
  // A disk that was made without looking at the content: only if nobody has touched the file since.
  return content.empty() ? source.touched_ns == now.source.touched_ns : content == now.content;
}

std::string DiskOrigin::describe() const {
  const std::string grown = size == 0 ? "" : ", grown to " + to_string(Bytes(size));
  return fmt::format("{} of {} ({}){}", mode, file, format, grown);
}

void write_staged(const InstanceDirectory& directory, const StagedRecord& record) {
  json::Object body;
  for (const auto& [name, origin] : record) {
    body.set(name, json::Object{{"file", origin.file},
                                {"format", origin.format},
                                {"mode", origin.mode},
                                {"size", origin.size},
                                {"source", stamp_to_text(origin.source)},
                                {"content", origin.content},
                                {"tools", origin.tools},
                                {"base", origin.base}});
  }
  write_record(directory, instance_file::kDisks, kDisksSchema, body);
}

namespace {

/// A damaged record names nothing.
template <class Read>
auto read_whole(const InstanceDirectory& directory, const Read& read) {
  try {
    return read(directory);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corrupt) throw;
  }
  return decltype(read(directory))();
}

}  // namespace

std::vector<std::string> read_staged_names(const InstanceDirectory& directory, Damaged damaged) {
  const bool left = damaged == Damaged::left;
  const auto intent_in = left ? &peek_intent : &read_intent;
  const auto staged_in = [&](const InstanceDirectory& whose) {
    return read_staged(whose, damaged);
  };
  std::vector<std::string> names;
  if (const auto intent = read_whole(directory, intent_in)) names = intent->staged_files;
  for (const auto& [name, origin] : read_whole(directory, staged_in)) {
    names.push_back(name);
    names.push_back(name + ".part");
    if (!origin.base.empty()) names.push_back(origin.base);
  }
  return names;
}

StagedRecord read_staged(const InstanceDirectory& directory, Damaged damaged) {
  StagedRecord record;
  const auto body = read_record(directory, instance_file::kDisks, kDisksSchema, damaged);
  if (!body || !body->is_object()) return record;
  for (const auto& [name, value] : *body->as_object()) {
    DiskOrigin& origin = record[name];
    origin.file = value.text("file");
    origin.format = value.text("format");
    origin.mode = value.text("mode");
    origin.size = static_cast<std::uint64_t>(value.integer("size", 0));
    origin.source = stamp_from_text(std::string(value.text("source")));
    origin.content = value.text("content");
    origin.tools = value.text("tools");
    origin.base = value.text("base");
  }
  return record;
}

}  // namespace vmfleet
