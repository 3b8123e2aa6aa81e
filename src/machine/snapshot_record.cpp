// SPDX-License-Identifier: MIT
// Snapshots by their names.
#include "machine/snapshot_record.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include <io/temporary_folder.hpp>
#include <vmfleet/async/offload.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/instance/locks.hpp>
#include <vmfleet/instance/record.hpp>
#include <vmfleet/io/files.hpp>
#include <vmfleet/machine/host_qemu.hpp>
#include <vmfleet/qemu/validate.hpp>
#include <vmfleet/qmp/event_log.hpp>

#include "machine/held_guest.hpp"

namespace vmfleet {

namespace {

constexpr std::string_view kSnapshotSchema = "vmfleet.snapshot/1";
constexpr Milliseconds kRemovalPatience(5'000);

Bytes size_of_folder(const std::filesystem::path& folder) {
  std::uint64_t size = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    struct stat status {};
    if (::lstat(entry.path().c_str(), &status) != 0) continue;
    size += static_cast<std::uint64_t>(status.st_blocks) * 512;
  }
  return Bytes(size);
}

SnapshotRecord read_folder(const std::filesystem::path& folder) {
  const auto body = read_record(InstanceDirectory::open(folder), snapshot_file::kRecord,
                                kSnapshotSchema, Damaged::left);
  SnapshotRecord record;
  if (!body) throw Error(ErrorKind::not_found, "no snapshot in " + folder.string());
  record.created = body->text("created");
  record.qemu.path = body->text("qemu");
  record.qemu.version = body->text("qemu_version");
  record.qemu.stamp = body->text("qemu_stamp");
  record.paused = body->flag("paused", false);
  record.took = Milliseconds(body->integer("took_ms", 0));
  if (const auto size = (*body)["still_at"].as_int()) {
    record.still_at = static_cast<std::uint64_t>(*size);
  }
  return record;
}

bool has_run_since(std::string_view events, std::uint64_t begin) {
  if (events.size() < begin) return true;  // it is the log of another life
  const auto later = qmp::EventLog().feed(events.substr(begin));
  return std::any_of(later.begin(), later.end(),
                     [](const qmp::Event& event) { return event.name == "RESUME"; });
}

/// Under its lock: of a snapshot that is half removed nothing is seen.
void take_away(const std::filesystem::path& instance_directory, const std::string& tag) {
  const auto folder = snapshots_of(instance_directory);
  if (!holds_guest(folder)) remove_abandoned(folder, ".");
  remove_at_once(folder / tag, folder / ".removed-");
  ::rmdir(folder.c_str());
}

Error no_snapshot(const std::filesystem::path& instance_directory, const std::string& tag) {
  const auto tags = snapshot_tags(instance_directory);
  const std::string name = instance_directory.filename().string();
  return Error(ErrorKind::not_found, fmt::format("{} has no snapshot '{}'", name, sanitize(tag)))
      .hint(tags.empty()
                ? fmt::format("make one with `vmfleet snapshot {} {}`", name, sanitize(tag))
                : "it has: " + join(tags, ", "));
}

}  // namespace

SavingQemu SavingQemu::of(const std::vector<std::string>& argv) {
  SavingQemu qemu;
  qemu.path = argv.empty() ? std::string() : argv.front();
  const std::string name = std::filesystem::path(qemu.path).filename().string();
  const bool is_arm = name.find("aarch64") != std::string::npos;
  const QemuBinary binary =
      find_host_qemu(qemu.path, is_arm ? Arch::aarch64 : Arch::x86_64).value();
  qemu.version = to_string(binary.version);
  struct stat status {};
  if (::stat(binary.path.c_str(), &status) != 0) {
    throw errno_error("look at " + binary.path.string(), errno);
  }
  qemu.stamp =
      fmt::format("{} {}.{:09}", status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
  return qemu;
}

std::filesystem::path snapshots_of(const std::filesystem::path& instance_directory) {
  return instance_directory / instance_file::kSnapshots;
}

std::optional<std::string> find_unchanged(const InstanceDirectory& directory, const Intent& life) {
  const std::string events = files::read(directory.file(instance_file::kEvents));
  for (const auto& tag : snapshot_tags(directory.path())) {
    const auto folder = snapshots_of(directory.path()) / tag;
    try {
      const SnapshotRecord record = read_folder(folder);
      if (!record.still_at || has_run_since(events, *record.still_at)) continue;
      const auto saved = peek_intent(InstanceDirectory::open(folder));
      if (saved && saved->created_ms == life.created_ms) return tag;
    } catch (const Error&) {
      // A damaged one is of no use.
    }
  }
  return std::nullopt;
}

void require_tag(const std::string& tag) {
  if (is_valid_name(tag)) return;
  throw Error(ErrorKind::invalid_config,
              fmt::format("'{}' cannot be the tag of a snapshot", sanitize(tag)))
      .hint("letters, digits, '.', '_' and '-', at most 63, beginning with a letter or digit");
}

SnapshotRecord read_snapshot(const std::filesystem::path& instance_directory,
                             const std::string& tag) {
  require_tag(tag);
  std::error_code ignored;
  const auto folder = snapshots_of(instance_directory) / tag;
  if (!std::filesystem::exists(folder / snapshot_file::kRecord, ignored)) {
    throw no_snapshot(instance_directory, tag);
  }
  return read_folder(folder);
}

void write_snapshot(const std::filesystem::path& folder, const SnapshotRecord& record) {
  json::Object body;
  body.set("created", record.created);
  body.set("qemu", record.qemu.path).set("qemu_version", record.qemu.version);
  body.set("qemu_stamp", record.qemu.stamp);
  body.set("paused", record.paused).set("took_ms", record.took.count());
  if (record.still_at) body.set("still_at", static_cast<std::int64_t>(*record.still_at));
  write_record(InstanceDirectory::open(folder), snapshot_file::kRecord, kSnapshotSchema, body);
}

Snapshot describe_snapshot(const std::filesystem::path& folder) {
  const SnapshotRecord record = read_folder(folder);
  Snapshot snapshot;
  snapshot.tag = folder.filename().string();
  snapshot.created = record.created;
  snapshot.qemu = record.qemu.version;
  snapshot.paused = record.paused;
  snapshot.took = record.took;
  snapshot.size = size_of_folder(folder);
  snapshot.directory = folder;
  return snapshot;
}

std::vector<std::string> snapshot_tags(const std::filesystem::path& instance_directory) {
  std::vector<std::string> tags;
  std::error_code none;
  for (const auto& entry :
       std::filesystem::directory_iterator(snapshots_of(instance_directory), none)) {
    std::string name = entry.path().filename().string();
    const bool whole = std::filesystem::exists(entry.path() / snapshot_file::kRecord, none);
    if (whole && is_valid_name(name)) tags.push_back(std::move(name));
  }
  std::sort(tags.begin(), tags.end());
  return tags;
}

std::vector<Snapshot> list_snapshots(const std::filesystem::path& instance_directory) {
  const auto directory = InstanceDirectory::open(instance_directory);
  std::vector<Snapshot> snapshots;
  for (const auto& tag : snapshot_tags(directory.path())) {
    try {
      snapshots.push_back(describe_snapshot(snapshots_of(directory.path()) / tag));
    } catch (const Error&) {
      // It is just being removed, or damaged: nobody could restore it.
    }
  }
  const auto is_older = [](const Snapshot& one, const Snapshot& other) {
    return std::tie(one.created, one.tag) < std::tie(other.created, other.tag);
  };
  std::sort(snapshots.begin(), snapshots.end(), is_older);
  return snapshots;
}

Task<void> remove_snapshot(std::filesystem::path instance_directory, std::string tag) {
  require_tag(tag);
  const auto directory = InstanceDirectory::open(instance_directory);
  const auto lock = co_await OperationLock::obtain(directory, kRemovalPatience);
  auto remove = [&] {
    std::error_code ignored;
    const auto folder = snapshots_of(directory.path()) / tag;
    if (!std::filesystem::exists(folder, ignored)) throw no_snapshot(directory.path(), tag);
    take_away(directory.path(), tag);
  };
  co_await offload(remove);
}

}  // namespace vmfleet
