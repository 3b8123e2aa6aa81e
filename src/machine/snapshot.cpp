// SPDX-License-Identifier: MIT
// Machine::snapshot: everything of a machine into a folder, which appears when it is whole.
#include <vmfleet/machine/snapshot.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
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

#include "machine/guest_program.hpp"
#include "machine/held_guest.hpp"
#include "machine/live.hpp"
#include "machine/saved_devices.hpp"
#include "machine/snapshot_record.hpp"
#include "machine/staged_record.hpp"

namespace vmfleet {

namespace {

constexpr Milliseconds kSnapshotPatience(5'000);
constexpr Milliseconds kGoOnPatience(10'000);
constexpr Milliseconds kAgentComes(5'000);

// *Source*: QEMU's QMP reference, RunState.
constexpr std::string_view kSaved = "postmigrate";

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

/// A guest that says that it is ready has its agent a moment later, and who restores it needs that.
/// One that cannot be logged in to is rarely one that has an agent.
Task<void> let_agent_come(const Intent& intent, qmp::Client& client) {
  if (!intent.ssh) co_return;
  try {
    co_await with_timeout(kAgentComes, await_agent(client));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::timed_out) throw;
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

/// Such as after an upgrade. *Source*: proc(5), /proc/PID/exe.
bool program_is_gone(pid_t pid) {
  constexpr std::string_view kDeleted = " (deleted)";
  std::error_code none;
  const auto program =
      std::filesystem::read_symlink(fmt::format("/proc/{}/exe", pid), none).string();
  const auto at = program.rfind(kDeleted);
  return at != std::string::npos && at + kDeleted.size() == program.size();
}

/// Each gets the other's name, so that at no moment there is none. False when there is no other.
bool exchange(const std::filesystem::path& made, const std::filesystem::path& target) {
  if (::renameat2(AT_FDCWD, made.c_str(), AT_FDCWD, target.c_str(), RENAME_EXCHANGE) == 0) {
    return true;
  }
  const bool unknown = errno == EINVAL || errno == ENOSYS;  // to this file system, such as NFS
  if (errno != ENOENT && !unknown) throw errno_error("replace " + target.string(), errno);
  std::error_code left;  // then it is in the way
  if (unknown) std::filesystem::remove_all(target, left);
  return false;
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
    if (status.running) co_await let_agent_come(live_.intent, client);
    auto begin = [&] {
      make_folder();
      if (status.state == kSaved) take_again();
    };
    co_await offload(begin);
    if (status.state != kSaved) co_await take(client);
    auto finish = [&] { return publish(); };
    co_return co_await offload(finish);
  }

 private:
  Task<void> take(qmp::Client& client) {
    const TimePoint began = live_.loop.now();
    auto go_on = [&]() { return let_go_on(client); };
    co_await finally(save(client), kGoOnPatience, go_on);
    record_.took = std::chrono::duration_cast<Milliseconds>(live_.loop.now() - began);
  }

  /// QEMU saves a guest once: until that has run it is what the last snapshot has.
  /// *Source*: QEMU's migrate_prepare(): "Can't migrate the vm that was paused due to previous
  /// migration".
  void take_again() {
    const auto last = find_unchanged(live_.directory, live_.intent);
    if (!last) {
      throw Error(ErrorKind::unavailable,
                  fmt::format("{} is paused since a snapshot that is gone, and QEMU saves it again "
                              "only when it has run",
                              live_.intent.name))
          .hint(fmt::format("`vmfleet resume {}`", live_.intent.name));
    }
    record_.still_at = read_snapshot(live_.directory.path(), *last).still_at;
    std::vector<std::string> names{snapshot_file::kMachine, instance_file::kSerial};
    for (const auto& [name, origin] : disks_) names.push_back(name);
    for (const auto& name : names) link_or_copy(all_ / *last / name, folder_->path() / name);
  }

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
    const bool replaced = program_is_gone(live_.pidfd().pid());
    if (version == record_.qemu.version && !replaced) co_return;
    const std::string now = replaced ? "another build" : record_.qemu.version;
    throw Error(ErrorKind::conflict,
                fmt::format("{} runs with QEMU {}, and {} is {} by now", live_.intent.name, version,
                            record_.qemu.path, now))
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
    if (!record_.paused) co_await hold_guest(client, folder_->path());
    co_await save_devices(client, live_.directory, folder_->path() / snapshot_file::kMachine,
                          SavedMemory::included);
    for (const auto& [name, origin] : disks_) co_await copy(name);
    co_await copy(instance_file::kSerial);
    std::error_code none;
    const auto size =
        std::filesystem::file_size(live_.directory.file(instance_file::kEvents), none);
    if (record_.paused && !none) record_.still_at = size;
    co_await require_standing(client);
  }

  /// Disks of one moment are of no use with the memory of another.
  Task<void> require_standing(qmp::Client& client) {
    const qmp::Status status = co_await qmp::query_status(client);
    if (status.state == kSaved) co_return;
    record_.paused = true;  // as somebody else has left it, it stays
    throw Error(
        ErrorKind::conflict,
        fmt::format("{} was resumed by somebody else while it was saved", live_.intent.name))
        .hint("take the snapshot again");
  }

  /// QEMU has written all of it to the file, and let go of that.
  Task<void> copy(std::string name) {
    auto target = std::make_unique<image::StagedFile>(folder_->path() / name, name + ".part", 0600);
    co_await image::copy_in_steps(live_.directory.file(name.c_str()), *target);
    copies_.push_back(std::move(target));
  }

  /// Also when it could not be saved, and when the connection was lost over that.
  Task<void> let_go_on(qmp::Client& client) {
    if (record_.paused) co_return;
    try {
      co_await let_guest_go_on(client, folder_->path());
      co_return;
    } catch (const Error&) {
      // Once more, on another connection.
    }
    folder_->keep();  // by which the next command knows, should this fail, too
    qmp::Client another = co_await live_.connect();
    co_await let_guest_go_on(another, folder_->path());
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
    if (options_.replace && exchange(folder_->path(), target)) return;  // the old one goes
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
