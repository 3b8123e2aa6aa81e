// SPDX-License-Identifier: MIT
// The launch protocol: from a configuration to a guest's first instruction.
#include <csignal>
#include <filesystem>

#include <fmt/format.h>

#include <vmfleet/async/offload.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/async/when.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/instance/locks.hpp>
#include <vmfleet/io/unix_socket.hpp>
#include <vmfleet/qemu/command_line.hpp>
#include <vmfleet/qmp/commands.hpp>

#include "machine/clone.hpp"
#include "machine/early_death.hpp"
#include "machine/exit_report.hpp"
#include "machine/forwards.hpp"
#include "machine/identity_gate.hpp"
#include "machine/image_users.hpp"
#include "machine/injecting.hpp"
#include "machine/launch_facts.hpp"
#include "machine/live.hpp"
#include "machine/port_words.hpp"
#include "machine/rebuild.hpp"
#include "machine/resolve.hpp"
#include "machine/saved_devices.hpp"
#include "machine/staging.hpp"
#include "machine/taps.hpp"
#include "machine/wiring.hpp"

namespace vmfleet {

namespace {

constexpr Milliseconds kCleanupLimit(10'000);
constexpr Milliseconds kForwardRetry(20);
constexpr std::size_t kMostForwards = 100;  // that are shown

/// One launch under way.
class Launch {
 public:
  Launch(Machine::Live& live, MachineConfig config, LaunchOptions options)
      : live_(live), config_(std::move(config)), options_(std::move(options)) {
    if (!live_.is_new) last_ = live_.state;
  }

  /// Of a snapshot, instead of what a configuration says.
  Task<void> run_restored(Restoration restoration) {
    restored_ = std::move(restoration);
    live_.readiness = options_.readiness;
    live_.intent = restored_->intent;
    begin_life(live_.state.forwards);
    CommandLine command;
    command.argv = restored_->intent.argv;
    start(command);
    co_await take_control();
  }

  Task<void> run() {
    step("preparing");
    config_ = co_await resolve(std::move(config_), live_.directory.path(), options_.on_warning);
    if (options_.clone_of) become_clone(config_, *options_.clone_of);
    history_ = read_forward_history(live_.directory, options_.spec_hash);
    std::vector<std::string> kept;
    auto look = [&] {
      require_sources(config_);
      kept = keep_forwards(config_, history_);
      require_free_images(config_);
      // With the words for ports yet: another port makes no other disk.
      StagingPlan plan =
          plan_staging(config_, live_.directory, options_.remake_disks,
                       options_.verify_disks ? SourceCheck::content : SourceCheck::stamp);
      if (options_.clone_of) stage_saved(plan, *options_.clone_of);
      named_forwards_ = fill_in_ports(config_, options_.readiness);
      return plan;
    };
    StagingPlan plan = co_await offload(look);
    live_.readiness = options_.readiness;
    for (const auto& warning : kept) warn(warning);
    if (is_out_of_sight(config_, options_.readiness)) {
      warn("no network, no readiness, no serial console: nothing will tell of the guest");
    }
    // Before the first of them exists: a crash must not leave files that nobody knows.
    live_.intent.staged_files = plan.names;
    const CommandLine command =
        build_command_line(config_, Wires::in_directory(live_.directory.path()));
    write_down(command);
    auto write = [&] {
      live_.directory.remove_injected();
      write_injected(config_, live_.directory);
    };
    co_await offload(write);
    if (!plan.to_make.empty()) step("staging disks");
    co_await carry_out(std::move(plan), live_.directory, config_, options_.on_warning);
    co_await make_boot_files(config_, live_.directory);
    co_await prepare_taps();
    start(command);
    co_await take_control();
  }

  /// Leaves nothing running and says what happened; without an error it was cancelled.
  Task<void> abandon(const Error* error) {
    if (live_.process) {
      live_.process->signal(SIGKILL);
      co_await live_.process->wait();
      if (!restored_) live_.process.reset();  // else there is somebody who asks what became of it
      co_await live_.end_log_keeper();
    }
    if (error == nullptr && live_.is_new && !restored_) {
      live_.directory.remove(live_.intent.staged_files);
    } else if (live_.lifetime == Lifetime::detached) {
      record_failure(error);
    }
  }

 private:
  void record_failure(const Error* error) {
    // A life whose logs are there yet stays on record, with its end.
    if (last_ && !written_down_ && (error == nullptr || tells_of_life(*last_))) return;
    if (last_) {
      live_.state = *last_;
    } else {
      live_.state.state = MachineState::stopped;
      live_.recall_forwards();
    }
    if (error != nullptr) {
      live_.state.state = MachineState::failed;
      live_.state.error = *error;
    }
    write_state(live_.directory, live_.state);
  }

  static bool tells_of_life(const StateRecord& record) {
    return record.state != MachineState::created && record.state != MachineState::starting &&
           record.state != MachineState::failed;
  }

  void step(std::string_view name) {
    if (options_.on_step) options_.on_step(name);
  }

  void warn(std::string_view what) {
    if (options_.on_warning) options_.on_warning(what);
  }

  Task<void> prepare_taps() {
    for (const auto& net : config_.nets) {
      if (net.type != NetType::tap) continue;
      if (!net.up_script.empty()) co_await run_up_script(net);
      auto look = [&] { require_usable_tap(net.interface); };
      co_await offload(look);
    }
  }

  void start(const CommandLine& command) {
    step("starting QEMU");
    const InstanceDirectory& directory = live_.directory;
    directory.remove_wires();
    last_.reset();
    const Wiring wiring(directory, serial_is_pipe(config_));
    mark_beginning(directory, live_.intent.created_ms);
    ProcessOptions process(command.argv);
    process.directory = directory.file(instance_file::kWorkingDirectory);
    process.descriptors = wiring.descriptors();
    UniqueFd saved;
    if (options_.clone_of) saved = open_saved(*options_.clone_of, directory);
    if (restored_) saved = open_snapshot(restored_->folder, directory);
    if (saved) process.descriptors.emplace_back(Wires::kSavedFd, saved.get());
    UniqueFd identity;
    if (config_.identity_port) {
      identity = listen_unix(directory.file(instance_file::kIdentity));
      process.descriptors.emplace_back(Wires::kIdentityFd, identity.get());
    }
    process.new_session = true;
    process.private_files = true;
    // Who must emulate is a guest itself, as a rule, and its host gives memory page by page: taking
    // 2 MiB for each first touch makes a boot a tenth slower, and buys emulated code nothing.
    process.small_pages = live_.intent.accel == to_string(Accelerator::tcg);
    process.dies_with_owner = options_.lifetime == Lifetime::ephemeral;
    live_.process = Process::spawn(live_.loop, process);
    keep_logs();
  }

  /// The guest can do without.
  void keep_logs() {
    try {
      live_.keep_logs();
    } catch (const Error& error) {
      warn(error.message() + ": " + error.hint());
    }
  }

  void write_down(const CommandLine& command) {
    live_.intent.argv = command.argv;
    live_.intent.named_forwards = named_forwards_;
    describe_launch(live_.intent, config_, options_);
    begin_life(history_);
  }

  /// On record from here on. Whatever becomes of this launch, the next one shall know the forwards
  /// of the life before.
  void begin_life(ForwardHistory forwards) {
    live_.intent.boot_id = host_boot_id();
    live_.intent.created_ms = epoch_ms();
    live_.intent.ephemeral = options_.lifetime == Lifetime::ephemeral;
    write_intent(live_.directory, live_.intent);
    written_down_ = true;
    live_.state = StateRecord();
    live_.state.state = MachineState::starting;
    live_.state.forwards = std::move(forwards);
    write_state(live_.directory, live_.state);
  }

  /// What it had come to is on record again, but for what belongs to this life.
  void take_up_restored_state() {
    const StateRecord now = live_.state;
    live_.state = restored_->state;
    live_.state.forwards = now.forwards;
    live_.state.events_begin = 0;
    live_.state.started_ms = now.started_ms;
  }

  Task<void> take_control() {
    step("connecting");
    std::optional<Error> lost;
    try {
      qmp::Client client = co_await live_.connect();
      co_await set_up(client);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::disconnected) throw;
      lost = error;
    }
    if (lost) co_await explain_early_death(live_, config_, std::move(*lost));
  }

  Task<void> set_up(qmp::Client& client) {
    const std::string uuid = co_await qmp::query_uuid(client);
    if (uuid != config_.uuid) {
      throw Error(ErrorKind::conflict,
                  fmt::format("the QEMU behind {} is another machine's", instance_file::kControl));
    }
    co_await require_events(client, options_.readiness.events);
    if (!config_.features.chardev_input_path && !serial_is_pipe(config_)) {
      co_await qmp::chardev_change_file(client, std::string(kSerialChardev),
                                        live_.directory.file(instance_file::kSerialIn),
                                        live_.directory.file(instance_file::kSerial), true);
    }
    if (options_.clone_of) co_await load_devices(client);
    if (restored_) co_await load_devices(client, SavedMemory::included);
    co_await await_forwards(client);
    live_.first_instruction = live_.loop.now();
    live_.state.started_ms = epoch_ms();
    live_.state.state = options_.readiness.empty() ? MachineState::running : MachineState::booting;
    if (restored_) take_up_restored_state();
    qmp::EventStreamOptions wanted;
    wanted.names = {"RESET"};
    qmp::EventStream resets = client.events(std::move(wanted));
    if (!config_.paused) {
      co_await let_run(client);
      if (!options_.clone_of) step(restored_ ? "running" : "booting");
    }
    if (options_.clone_of) {
      step("renewing its identity");
      co_await with_qemu(live_, renew(resets));
      co_await plug_lans(client, config_, true);
    }
    write_state(live_.directory, live_.state);
  }

  Task<void> renew(qmp::EventStream& resets) {
    LanIdentity lans = lan_identity_of(config_, *options_.clone_of);
    Task<void> work = renew_identity(live_, std::move(lans), options_.clone_of->renewal);
    co_await when_any(std::move(work), refuse_reset(resets));
  }

  /// A guest that boots anew is no clone any more, and what it was started from is damaged.
  static Task<void> refuse_reset(qmp::EventStream& resets) {
    co_await resets.next();
    throw Error(ErrorKind::unavailable, "its guest was reset at once");
  }

  /// A guest may end QEMU before the reply is sent: what its end means is for the waits to say.
  static Task<void> let_run(qmp::Client& client) {
    try {
      co_await qmp::cont(client);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::disconnected) throw;
    }
  }

  /// Each forward that was asked for is there before the guest runs.
  Task<void> await_forwards(qmp::Client& client) {
    if (asked_forwards() == 0) co_return;
    const TimePoint deadline = live_.loop.now() + options_.readiness.timeout;
    for (;;) {
      const std::string usernet = co_await qmp::human_monitor_command(client, "info usernet");
      ForwardMatch match = match_forwards(config_, parse_usernet(usernet));
      live_.state.forwards.ports = std::move(match.ports);
      if (match.missing.empty()) co_return;
      if (live_.loop.now() >= deadline) {
        throw Error(ErrorKind::timed_out,
                    fmt::format("QEMU has not set up the forward {}", join(match.missing, ", ")))
            .hint("the evidence is what it has: info usernet")
            .evidence_lines(last_lines(usernet, kMostForwards));
      }
      co_await sleep_for(kForwardRetry);
    }
  }

  [[nodiscard]] std::size_t asked_forwards() const {
    std::size_t count = 0;
    for (const auto& net : config_.nets) count += net.forwards.size();
    return count;
  }

  Machine::Live& live_;
  MachineConfig config_;
  LaunchOptions options_;
  std::vector<std::string> named_forwards_;
  std::optional<Restoration> restored_;
  ForwardHistory history_;           ///< of the life before
  std::optional<StateRecord> last_;  ///< of the life before, until its wires are removed
  bool written_down_ = false;
};

/// `work` is the launch's. Leaves nothing that runs when it fails.
Task<void> carry_through(Launch& launch, Task<void> work) {
  std::optional<Error> error;
  std::exception_ptr failure;
  try {
    co_await std::move(work);
  } catch (const Error& e) {
    error = e;
    failure = std::current_exception();
  } catch (...) {
    failure = std::current_exception();
  }
  if (!failure) co_return;
  try {
    co_await shielded(kCleanupLimit, launch.abandon(error ? &*error : nullptr));
  } catch (const Error&) {
    // The failure that led here is the one to report.
  }
  std::rethrow_exception(failure);
}

}  // namespace

Task<void> launch_into(Machine::Live& live, MachineConfig config, LaunchOptions options) {
  Launch launch(live, std::move(config), std::move(options));
  co_await carry_through(launch, launch.run());
}

Task<void> launch_restored(Machine::Live& live, MachineConfig config, LaunchOptions options,
                           Restoration restoration) {
  Launch launch(live, std::move(config), std::move(options));
  co_await carry_through(launch, launch.run_restored(std::move(restoration)));
}

}  // namespace vmfleet
