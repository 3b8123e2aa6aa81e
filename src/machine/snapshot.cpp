// SPDX-License-Identifier: MIT
// Machine::snapshot: everything of a machine into a folder, which appears when it is whole.
#include <vmfleet/machine/snapshot.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <memory>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <image/file_copy.hpp>
#include <image/staged_file.hpp>
#include <io/temporary_folder.hpp>
#include <vmfleet/async/offload.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/image/staging.hpp>
#include <vmfleet/instance/locks.hpp>
#include <vmfleet/io/files.hpp>
#include <vmfleet/qmp/commands.hpp>

#include "machine/live.hpp"
#include "machine/saved_devices.hpp"
#include "machine/snapshot_record.hpp"
#include "machine/staged_record.hpp"

namespace vmfleet {

namespace {

constexpr Milliseconds kSnapshotPatience(5'000);
constexpr Milliseconds kGoOnPatience(10'000);
constexpr Bytes kCopiedAtOnce = Bytes::mebi(64);

/// Whether the block node of a device is one of the machine's own disks: `node0`, and
/// `disk0.qcow2`.
bool is_own_disk(std::string_view node, const StagedRecord& disks) {
  constexpr std::string_view kNode = "node";
  if (node.substr(0, kNode.size()) != kNode) return false;
  const std::string disk = fmt::format("disk{}.", node.substr(kNode.size()));
  const auto found = disks.lower_bound(disk);
  return found != disks.end() && found->first.compare(0, disk.size(), disk) == 0;
}

/// What is written elsewhere would not be set back with the machine.
Task<void> require_own_disks(qmp::Client& client, const StagedRecord& disks) {
  const json::Value devices = co_await client.execute("query-block");
  for (const json::Value& device : *devices.as_array()) {
    const json::Value& inserted = device["inserted"];
    const bool writes = inserted.is_object() && !inserted.flag("ro", false);
    if (!writes || is_own_disk(inserted.text("node-name"), disks)) continue;
    throw Error(ErrorKind::unavailable,
                fmt::format("it writes to {} itself, which would not be set back with it",
                            inserted.text("file")))
        .hint("give the disk a mode of its own, such as \"overlay\", for snapshots");
  }
}

/// Another name of a file that nobody writes to any more, or a copy on another file system.
void link_or_copy(const std::filesystem::path& source, const std::filesystem::path& target) {
  if (::link(source.c_str(), target.c_str()) != 0) stage_copy(source, target, 0400);
}

/// Everything in a folder, and that it is there.
void make_durable(const std::filesystem::path& folder) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const UniqueFd fd = files::open(entry.path(), O_RDONLY | O_NOFOLLOW);
    if (::fsync(fd.get()) != 0) throw errno_error("write " + entry.path().string(), errno);
  }
  image::sync_directory(folder);
}

/// One snapshot under way, under the machine's lock.
class Taking {
 public:
  Taking(Machine::Live& live, std::string tag, SnapshotOptions options)
      : live_(live),
        tag_(std::move(tag)),
        options_(options),
        all_(snapshots_of(live.directory.path())) {}

  Task<Snapshot> run() {
    auto prepare = [&] { look(); };
    co_await offload(prepare);
    qmp::Client client = co_await live_.connect();
    co_await require_known_qemu(client);
    co_await require_own_disks(client, disks_);
    const qmp::Status status = co_await qmp::query_status(client);
    record_.paused = !status.running;
    auto begin = [&] { make_folder(); };
    co_await offload(begin);
    const TimePoint began = live_.loop.now();
    auto go_on = [&]() { return let_go_on(client); };
    co_await finally(save(client), kGoOnPatience, go_on);
    record_.took = std::chrono::duration_cast<Milliseconds>(live_.loop.now() - began);
    auto finish = [&] { return publish(); };
    co_return co_await offload(finish);
  }

 private:
  void look() {
    const auto intent = read_intent(live_.directory);
    if (!intent || intent->created_ms != live_.intent.created_ms || live_.pidfd().ended()) {
      throw Error(ErrorKind::exited, fmt::format("{} does not run any more", live_.intent.name));
    }
    std::error_code ignored;
    if (!options_.replace && std::filesystem::exists(all_ / tag_, ignored)) {
      throw Error(ErrorKind::conflict,
                  fmt::format("{} has a snapshot '{}' already", live_.intent.name, tag_))
          .hint("replace it with --force, or remove it with --rm");
    }
    live_.state = live_.recorded().value_or(live_.state);
    disks_ = read_staged(live_.directory);
    record_.qemu = SavingQemu::of(live_.intent.argv);
  }

  Task<void> require_known_qemu(qmp::Client& client) {
    const std::string version = co_await qmp::query_version(client);
    if (version == record_.qemu.version) co_return;
    throw Error(ErrorKind::conflict,
                fmt::format("{} runs with QEMU {}, and {} is {} by now", live_.intent.name, version,
                            record_.qemu.path, record_.qemu.version))
        .hint("no other QEMU could restore it: restart the machine first");
  }

  void make_folder() {
    if (::mkdir(all_.c_str(), 0700) != 0 && errno != EEXIST) {
      throw errno_error("make " + all_.string(), errno);
    }
    remove_abandoned(all_, ".");
    folder_.emplace(all_ / ".new-");
  }

  /// While the guest stands still.
  Task<void> save(qmp::Client& client) {
    if (!record_.paused) co_await qmp::stop(client);
    co_await save_devices(client, live_.directory, folder_->path() / snapshot_file::kMachine,
                          SavedMemory::included);
    for (const auto& [name, origin] : disks_) co_await copy(name);
    co_await copy(instance_file::kSerial);
  }

  /// QEMU has written all of it to the file, and let go of that.
  Task<void> copy(std::string name) {
    auto target = std::make_unique<image::StagedFile>(folder_->path() / name, name + ".part", 0600);
    image::FileCopy copy(live_.directory.file(name.c_str()), *target);
    auto step = [&] { return copy.step(kCopiedAtOnce); };
    bool more = true;
    while (more) more = co_await offload(step);
    copies_.push_back(std::move(target));
  }

  /// Also when it could not be saved.
  Task<void> let_go_on(qmp::Client& client) {
    if (record_.paused) co_return;
    const qmp::Reply ignored = co_await client.try_execute("migrate_cancel");
    static_cast<void>(ignored);
    co_await qmp::cont(client);
  }

  Snapshot publish() {
    for (const auto& one : copies_) one->commit();
    for (const auto& [name, origin] : disks_) {
      if (origin.base.empty()) continue;
      link_or_copy(live_.directory.file(origin.base.c_str()), folder_->path() / origin.base);
    }
    record_.created = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
    const auto folder = InstanceDirectory::open(folder_->path());
    write_intent(folder, live_.intent);
    write_state(folder, live_.state);
    write_staged(folder, disks_);
    write_snapshot(folder_->path(), record_);
    make_durable(folder_->path());
    give_its_name();
    image::sync_directory(all_);
    return describe_snapshot(all_ / tag_);
  }

  void give_its_name() {
    const auto target = all_ / tag_;
    std::optional<TemporaryFolder> old;
    if (options_.replace) old.emplace(all_ / ".old-");
    if (old && ::rename(target.c_str(), old->path().c_str()) != 0 && errno != ENOENT) {
      throw errno_error("replace " + target.string(), errno);
    }
    if (folder_->move_to(target)) return;
    throw Error(ErrorKind::conflict, target.string() + " is in the way");
  }

  Machine::Live& live_;
  std::string tag_;
  SnapshotOptions options_;
  std::filesystem::path all_;
  StagedRecord disks_;
  SnapshotRecord record_;
  std::optional<TemporaryFolder> folder_;
  std::vector<std::unique_ptr<image::StagedFile>> copies_;
};

Task<Snapshot> take_snapshot(Machine::Live& live, std::string tag, SnapshotOptions options) {
  require_tag(tag);
  const auto lock = co_await OperationLock::obtain(live.directory, kSnapshotPatience);
  Taking taking(live, std::move(tag), options);
  co_return co_await taking.run();
}

}  // namespace

Task<Snapshot> Machine::snapshot(std::string tag, SnapshotOptions options) {
  return with_qemu(*live_, take_snapshot(*live_, std::move(tag), options));
}

}  // namespace vmfleet
