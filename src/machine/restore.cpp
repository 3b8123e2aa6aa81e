// SPDX-License-Identifier: MIT
// Machine::restore: the end of what runs, and another life of what a snapshot holds.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <list>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include <image/file_copy.hpp>
#include <image/staged_file.hpp>
#include <vmfleet/async/offload.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/image/staging.hpp>
#include <vmfleet/instance/locks.hpp>
#include <vmfleet/instance/log_keeper.hpp>

#include "machine/forwards.hpp"
#include "machine/identity_gate.hpp"
#include "machine/live.hpp"
#include "machine/restored_line.hpp"
#include "machine/snapshot_record.hpp"
#include "machine/staged_record.hpp"

namespace vmfleet {

namespace {

constexpr Milliseconds kRestorePatience(5'000);
constexpr Bytes kRecordsRoom(64 << 10);

Error changed(const std::string& what, std::vector<std::string> evidence = {}) {
  return Error(ErrorKind::conflict, "the snapshot cannot be restored: " + what)
      .evidence_lines(evidence);
}

/// Whether the file that a disk is made from is what it was. Overlays are of no use over another.
void require_source(const std::string& disk, const DiskOrigin& origin) {
  if (origin.mode == to_string(DiskMode::copy)) return;
  DiskOrigin now = origin;
  now.content.clear();  // it would have to be read
  try {
    now.source = FileStamp::of(origin.file);
    if (origin.same_source(now)) return;
  } catch (const Error& error) {
    throw changed(error.message());
  }
  throw changed(fmt::format("{}, which {} is an overlay of, changed since", origin.file, disk));
}

/// One machine being set back, under its lock.
class Restoring {
 public:
  Restoring(Machine::Live& live, std::string tag, RestoreOptions options)
      : live_(live),
        tag_(std::move(tag)),
        options_(std::move(options)),
        folder_(snapshots_of(live.directory.path()) / tag_) {}

  /// Under the machine's lock. `runs`: there is something to be ended.
  Task<void> run(bool runs) {
    step("preparing");
    auto prepare = [&] { look(); };
    co_await offload(prepare);
    for (const auto& [name, origin] : disks_) co_await stage(name);
    auto require = [&] { require_room(); };
    co_await offload(require);
    if (runs) co_await end();
    auto put_back = [&] {
      put_disks_back();
      return choose_ports();
    };
    const std::vector<std::string> warnings = co_await offload(put_back);
    for (const auto& warning : warnings) warn(warning);
    co_await launch_restored(live_, config_, launch_options(), restoration_);
  }

  /// Without the lock: a guest may take its time to answer, or never do.
  Task<void> renew() {
    if (record_.paused) co_return;
    step("renewing clock and random numbers");
    std::optional<Error> failed;
    try {
      co_await with_qemu(live_, renew_moment(live_));
    } catch (const Error& error) {
      failed = error;
    }
    if (!failed) co_return;
    if (failed->kind() == ErrorKind::exited) throw *failed;
    warn(fmt::format("its clock and random numbers are those of the snapshot: {}",
                     failed->message()));
  }

 private:
  void look() {
    record_ = read_snapshot(live_.directory.path(), tag_);
    const auto saved = InstanceDirectory::open(folder_);
    const auto intent = read_intent(saved);
    const auto state = read_state(saved);
    if (!intent || !state) throw Error(ErrorKind::corrupt, folder_.string() + " is not whole");
    restoration_.folder = folder_;
    restoration_.intent = *intent;
    restoration_.state = *state;
    disks_ = read_staged(saved);
    if (auto known = read_what_is_left(&read_state, live_.directory)) {
      live_.state = *std::move(known);
    }
    const auto now = read_what_is_left(&read_intent, live_.directory);
    require_same_machine(now);
    require_same_qemu();
    for (const auto& [name, origin] : disks_) require_source(name, origin);
    require_files();
    if (now && !now->rebuilt) adopt_present(*now);
    for (const auto& [name, origin] : disks_) {
      for (const auto& file : {name, name + ".part", origin.base}) {
        if (!file.empty()) restoration_.intent.staged_files.push_back(file);
      }
    }
  }

  void require_same_machine(const std::optional<Intent>& now) const {
    const Intent& then = restoration_.intent;
    if (!now || now->rebuilt) return;
    const auto differing = differences(then.argv, now->argv);
    // What stands in its command line of this start alone is no other configuration.
    const bool by_hash = !then.spec_hash.empty() || !now->spec_hash.empty();
    if (by_hash ? now->spec_hash == then.spec_hash : differing.empty()) return;
    throw changed(fmt::format("the configuration of {} changed since", then.name), differing)
        .hint("undo the change, or take a new snapshot");
  }

  void require_same_qemu() const {
    const SavingQemu now = SavingQemu::of(restoration_.intent.argv);
    if (now.version == record_.qemu.version && now.stamp == record_.qemu.stamp) return;
    const std::string as_of = now.version == record_.qemu.version
                                  ? std::string("another build of it")
                                  : "QEMU " + now.version;
    throw changed(fmt::format("it was taken with QEMU {}, and {} is {} now", record_.qemu.version,
                              record_.qemu.path, as_of))
        .hint("no other QEMU is sure to read it: take a new snapshot");
  }

  /// What QEMU would miss it misses before anything is ended.
  void require_files() const {
    for (const auto& file : files_of_line(restoration_.intent.argv)) {
      std::error_code unknown;
      const bool is_staged = file.parent_path() == live_.directory.path() &&
                             disks_.count(file.filename().string()) != 0;
      if (is_staged || std::filesystem::exists(file, unknown)) continue;
      throw changed(fmt::format("{} is gone, which {} was started with", file.string(),
                                restoration_.intent.name))
          .hint("put it back; a file of vmfleet's own is made when the machine is restarted");
    }
  }

  /// What says nothing of the guest is as it is now.
  void adopt_present(const Intent& now) {
    Intent& intent = restoration_.intent;
    intent.labels = now.labels;
    intent.spec = now.spec;
    intent.stop_grace_ms = now.stop_grace_ms;
    intent.log_limit = now.log_limit;
    intent.staged_files = now.staged_files;
  }

  /// Beside that which is in use yet: until all of them are there nothing is lost.
  Task<void> stage(std::string name) {
    auto& part = parts_.emplace_back(live_.directory.path() / name, name + ".part", 0600);
    co_await image::copy_in_steps(folder_ / name, part);
    auto sync = [&] { part.sync(); };
    co_await offload(sync);
  }

  /// For its records and its console's log: what ended for nothing would be lost.
  void require_room() const {
    std::error_code none;
    const auto log = std::filesystem::file_size(folder_ / instance_file::kSerial, none);
    const auto needed = static_cast<off_t>(kRecordsRoom.count() + (none ? 0 : log));
    const char* folder = live_.directory.path().c_str();
    const UniqueFd fd(::open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
    if (!fd || ::fallocate(fd.get(), 0, 0, needed) == 0) return;
    if (errno != ENOSPC && errno != EDQUOT) return;  // it cannot be told
    throw errno_error(fmt::format("restore {}", live_.intent.name), errno)
        .hint(fmt::format("free some space in {}", folder));
  }

  Task<void> end() {
    step("ending what runs");
    co_await end_live(live_, StopOptions::kill());
  }

  void put_disks_back() {
    for (const auto& [name, origin] : disks_) {
      if (origin.base.empty()) continue;
      const auto base = live_.directory.file(origin.base.c_str());
      const auto kept = folder_ / origin.base;
      if (::link(kept.c_str(), base.c_str()) == 0 || errno == EEXIST) continue;
      stage_copy(kept, base, 0400);
    }
    for (auto& part : parts_) part.commit();
    write_staged(live_.directory, disks_);
  }

  /// What there is to be said of them.
  std::vector<std::string> choose_ports() {
    config_ = config_of_line(restoration_.intent);
    config_.paused = restoration_.intent.paused = record_.paused;
    const ForwardHistory& history = live_.state.forwards;
    for (Net& net : config_.nets) {
      for (Forward& forward : net.forwards) {
        for (const PortForward& port : history.ports) {
          if (port.name == forward.name) forward.host_port = 0;  // it has that one
        }
      }
    }
    auto warnings = keep_forwards(config_, history);
    restoration_.intent.argv = line_to_restore(restoration_.intent.argv, config_);
    if (restoration_.state.state == MachineState::failed) {
      restoration_.state.state = MachineState::booting;
    }
    restoration_.state.exit.reset();
    restoration_.state.error.reset();
    return warnings;
  }

  [[nodiscard]] LaunchOptions launch_options() const {
    LaunchOptions launch;
    launch.lifetime = live_.lifetime;
    launch.readiness = readiness_from_json(restoration_.intent.readiness);
    launch.on_warning = options_.on_warning;
    launch.on_step = options_.on_step;
    return launch;
  }

  void step(std::string_view name) const {
    if (options_.on_step) options_.on_step(name);
  }
  void warn(std::string_view what) const {
    if (options_.on_warning) options_.on_warning(what);
  }

  Machine::Live& live_;
  std::string tag_;
  RestoreOptions options_;
  std::filesystem::path folder_;
  SnapshotRecord record_;
  StagedRecord disks_;
  Restoration restoration_;
  MachineConfig config_;
  std::list<image::StagedFile> parts_;
};

}  // namespace

Task<void> Machine::restore(std::string tag, RestoreOptions options) {
  Restoring restoring(*live_, std::move(tag), std::move(options));
  {
    const auto lock = co_await OperationLock::obtain(live_->directory, kRestorePatience);
    if (!live_->is_this_life()) {
      throw Error(ErrorKind::conflict, fmt::format("another command has restarted {}", name()));
    }
    co_await restoring.run(true);
  }
  co_await restoring.renew();
}

Task<Machine> Machine::restore(std::filesystem::path instance_directory, std::string tag,
                               RestoreOptions options) {
  Loop& loop = co_await current_loop();
  auto live = std::make_unique<Live>(loop, InstanceDirectory::open(instance_directory));
  std::optional<Restoring> restoring;
  {
    const auto lock = co_await OperationLock::obtain(live->directory, kRestorePatience);
    const bool runs = co_await is_running(live->directory);
    if (runs) {
      live = co_await adopt_live(instance_directory);
    } else {
      co_await end_log_keeper(live->directory);
    }
    restoring.emplace(*live, std::move(tag), std::move(options));
    co_await restoring->run(runs);
  }
  co_await restoring->renew();
  co_return Machine(std::move(live));
}

}  // namespace vmfleet
