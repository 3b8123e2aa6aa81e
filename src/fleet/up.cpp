// SPDX-License-Identifier: MIT
// Fleet::up: converging a fleet to its specification.
#include <algorithm>
#include <iterator>
#include <list>
#include <map>
#include <thread>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include <vmfleet/async/offload.hpp>
#include <vmfleet/async/semaphore.hpp>
#include <vmfleet/async/task_group.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/fleet/fleet.hpp>
#include <vmfleet/fleet/ssh_key.hpp>
#include <vmfleet/image/image_store.hpp>
#include <vmfleet/instance/intent.hpp>
#include <vmfleet/instance/locks.hpp>
#include <vmfleet/machine/accelerator.hpp>
#include <vmfleet/machine/host_qemu.hpp>

#include "fleet/host_limits.hpp"
#include "fleet/lans.hpp"
#include "fleet/names.hpp"
#include "fleet/offers.hpp"
#include "fleet/operation.hpp"

namespace vmfleet {

namespace {

constexpr Milliseconds kCleanupLimit(60'000);
// A launch that stages no disks takes well under a second.
constexpr Milliseconds kOtherCommandLimit(30'000);
constexpr Milliseconds kRetry(50);

/// As many as there are processors: an emulated boot keeps one busy from beginning to end, and
/// machines that share one all become ready late. *Source*: tests/bench/boot_bench.py.
std::size_t default_max_boot() {
  return std::max<std::size_t>(std::thread::hardware_concurrency(), 1);
}

/// What to do next with a machine that waits for somebody; "" when it does not.
std::string next_step(const MachineConfig& config) {
  std::string step;
  if (!config.gdb.empty()) {
    const bool port_only = config.gdb.find_first_not_of("0123456789") == std::string::npos;
    const std::string socket = "unix:";
    const bool is_socket = config.gdb.rfind(socket, 0) == 0;
    step = fmt::format("attach with gdb -ex 'target remote {}'",
                       port_only   ? "127.0.0.1:" + config.gdb
                       : is_socket ? config.gdb.substr(socket.size())
                                   : config.gdb);
  }
  if (config.paused) {
    step += fmt::format("{}let it run with `vmfleet resume -p {} {}`", step.empty() ? "" : ", ",
                        config.fleet, config.name);
  }
  return step;
}

/// One `up` under way.
class Convergence {
 public:
  enum class Keys { make, assume };

  Convergence(Loop& loop, std::filesystem::path root, std::string fleet, UpOptions options,
              Lifetime lifetime)
      : loop_(loop),
        root_(std::move(root)),
        fleet_(std::move(fleet)),
        lifetime_(lifetime),
        options_(std::move(options)),
        operation_(loop, options_.progress),
        slots_(options_.max_boot > 0 ? options_.max_boot : default_max_boot()) {}

  Task<FleetReport> run(FleetSpec spec) {
    std::vector<MachineSpec> machines = co_await choose_and_complete(std::move(spec), Keys::make);
    require_room(machines);
    FleetReport report;
    report.fleet = fleet_;
    report.machines.resize(machines.size());
    auto body = [&](TaskGroup& group) -> Task<void> {
      for (std::size_t i = 0; i < machines.size(); ++i) {
        auto converge = [this, machine = machines[i], slot = &report.machines[i]]() {
          return converge_one(machine, slot);
        };
        group.start(converge);
      }
      co_return;
    };
    bool cancelled = false;
    try {
      co_await with_task_group(body);
    } catch (const Cancelled&) {
      cancelled = true;
    }
    if (cancelled) {
      co_await shielded(kCleanupLimit, undo());
      throw Cancelled();
    }
    report.elapsed = operation_.elapsed();
    co_return report;
  }

  /// What this call started.
  std::vector<Machine> take_started() {
    return std::vector<Machine>(std::make_move_iterator(started_.begin()),
                                std::make_move_iterator(started_.end()));
  }

  /// The machines that are meant, with their images' files and keys filled in.
  Task<std::vector<MachineSpec>> choose_and_complete(FleetSpec spec, Keys keys) {
    std::vector<std::string> names;
    for (const auto& machine : spec.machines) names.push_back(machine.config.name);
    const auto selected = select_names(names, options_.names);
    const std::vector<LanHost> neighbours = find_lan_hosts(spec, root_ / fleet_);
    std::vector<MachineSpec> machines;
    for (auto& machine : spec.machines) {
      if (std::find(selected.begin(), selected.end(), machine.config.name) == selected.end()) {
        continue;
      }
      machine.config.fleet = fleet_;
      if (options_.timeout) machine.ready.timeout = *options_.timeout;
      co_await choose_accelerator(machine.config);
      if (!machine.image.empty()) {
        co_await complete(machine);
        add_lan_files(machine.config, neighbours);
      }
      if (machine.ssh) co_await give_key(machine, keys);
      machines.push_back(std::move(machine));
    }
    co_return machines;
  }

 private:
  [[nodiscard]] std::filesystem::path directory_of(const std::string& name) const {
    return root_ / fleet_ / name;
  }

  /// Once for the whole fleet: the machines would otherwise all ask at once.
  Task<void> choose_accelerator(MachineConfig& config) {
    if (config.accel == Accelerator::tcg) co_return;
    const auto key = std::tuple(config.qemu, config.arch, config.accel);
    if (accelerators_.count(key) == 0) {
      auto probe = [&] { return find_host_qemu(config.qemu, config.arch).value(); };
      const QemuBinary binary = co_await offload(probe);
      const Accelerator chosen = co_await decide_accelerator(config.accel, config.arch, binary);
      accelerators_[key] = chosen;
    }
    config.accel = accelerators_[key];
  }

  Task<void> complete(MachineSpec& machine) {
    const std::string arch(to_string(machine.config.arch));
    const std::string key = machine.image + "/" + arch;
    if (images_.count(key) == 0) {
      BuildOptions build;
      build.arch = arch;
      auto told = [this](std::string_view what) {
        operation_.tell("", MachineState::created, what);
      };
      Image image = co_await store_.find_or_build(machine.image, build, told);
      images_.emplace(key, std::move(image));
    }
    const Image& image = images_.at(key);
    MachineConfig& config = machine.config;
    config.kernel = image.kernel.string();
    config.initrd = image.initrd.string();
    const bool emulated = config.accel != Accelerator::kvm;
    std::vector<std::string> append{image.append_for(config.cpus, emulated)};
    append.insert(append.end(), config.append.begin(), config.append.end());
    config.append = std::move(append);
    offer_hostname(config);
    if (machine.ready.empty() && !config.paused) machine.ready.serial = {image.ready_marker};
  }

  Task<void> give_key(MachineSpec& machine, Keys keys) {
    SshAccess& access = *machine.ssh;
    if (access.key == "auto") {
      if (keys == Keys::make) co_await make_key_once();
      if (no_key_ && access.asked) throw *no_key_;
      access.key = no_key_ ? "" : default_ssh_key(root_).string();
    }
    if (access.key.empty()) co_return;
    std::string public_key;
    if (keys == Keys::make) public_key = read_public_key(access.key);
    offer_key(machine.config, access, access.key, public_key);
  }

  /// Without a key of its own a fleet still boots; who asked for one by name is refused.
  Task<void> make_key_once() {
    if (std::exchange(key_tried_, true)) co_return;
    try {
      co_await make_ssh_key(root_);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::host_unfit) throw;
      no_key_ = error;
    }
    if (!no_key_) co_return;
    operation_.tell("", MachineState::created,
                    fmt::format("warning: {}: guests are given none", no_key_->what()));
  }

  /// Before the first spawn: a host that cannot hold the fleet is not driven into the ground.
  void require_room(const std::vector<MachineSpec>& machines) const {
    std::uint64_t wanted = 0;
    std::size_t missing = 0;
    for (const auto& machine : machines) {
      if (runs(machine.config.name)) continue;
      wanted += machine.config.memory.count();
      ++missing;
    }
    require_host_room(Bytes(wanted), missing);
  }

  [[nodiscard]] bool runs(const std::string& name) const {
    try {
      return inspect_machine(directory_of(name)).pid.has_value();
    } catch (const Error&) {
      return false;
    }
  }

  /// Never throws an `Error`: what goes wrong with a machine is in its report.
  Task<void> converge_one(MachineSpec machine, MachineReport* report) {
    const std::string name = machine.config.name;
    report->name = name;
    std::optional<Error> failed;
    std::optional<Semaphore::Permit> slot;  // until the outcome was told
    try {
      co_await settle(machine, slot);
    } catch (const Error& error) {
      failed = error;
    }
    try {
      *report = inspect_machine(directory_of(name));
    } catch (const Error& error) {
      if (!failed) failed = error;
    }
    if (failed) {
      report->error = failed;
      report->state = MachineState::failed;
    }
    operation_.tell(name, report->state, failed ? failed->what() : "");
  }

  /// Two of us may converge the same fleet: who comes second waits for what the first has begun.
  Task<void> settle(MachineSpec& machine, std::optional<Semaphore::Permit>& slot) {
    const TimePoint deadline = loop_.now() + kOtherCommandLimit;
    for (;;) {
      const Place place = co_await make_way(machine);
      if (place == Place::taken) co_return;
      if (place == Place::free && co_await started(machine, slot, deadline)) co_return;
      if (loop_.now() >= deadline) {
        throw Error(ErrorKind::conflict,
                    fmt::format("another command keeps starting {}", machine.config.name))
            .hint("wait for it to finish, or end it");
      }
      co_await sleep_for(kRetry);
    }
  }

  /// False when another command has come first.
  Task<bool> started(MachineSpec& machine, std::optional<Semaphore::Permit>& slot,
                     TimePoint deadline) {
    try {
      if (!slot && slots_.available() == 0) {
        operation_.tell(machine.config.name, MachineState::created, "waiting until others are up");
      }
      if (!slot) slot.emplace(co_await slots_.acquire());
      co_await start(machine);
    } catch (const Error& error) {
      const bool late = loop_.now() >= deadline;
      if (error.kind() != ErrorKind::conflict || late || !is_worked_on(machine)) throw;
      co_return false;
    }
    co_return true;
  }

  [[nodiscard]] bool is_worked_on(const MachineSpec& machine) const {
    const auto state = inspect_machine(directory_of(machine.config.name)).state;
    return state != MachineState::stopped && state != MachineState::crashed &&
           state != MachineState::failed && state != MachineState::created;
  }

  enum class Place {
    free,
    taken,  ///< by the very machine that is wanted
    busy,   ///< another command is starting or stopping it
  };

  Task<Place> make_way(MachineSpec& machine) {
    const auto directory = directory_of(machine.config.name);
    std::optional<MachineReport> existing;
    try {
      existing = inspect_machine(directory);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::not_found) throw;
    }
    if (!existing) co_return Place::free;
    if (existing->state == MachineState::starting &&
        OperationLock::held(InstanceDirectory::open(directory))) {
      co_return Place::busy;
    }
    if (!existing->pid) co_return Place::free;
    const auto intent = read_intent(InstanceDirectory::open(directory));
    auto fit = [&] { return disks_fit(machine.config, directory, options_.verify); };
    bool same = intent && intent->spec_hash == machine.hash;
    if (same && options_.recreate) same = co_await offload(fit);
    if (same && existing->good()) co_return Place::taken;
    Machine running = co_await Machine::adopt(directory);
    if (same && existing->state == MachineState::booting) {
      if (options_.wait) co_await running.wait_ready();
      co_return Place::taken;
    }
    if (same && existing->state == MachineState::paused) co_return Place::taken;
    if (!same && !options_.recreate) {
      throw Error(ErrorKind::conflict,
                  fmt::format("{} runs with another configuration", machine.config.name))
          .hint("replace it with --recreate, or stop it first");
    }
    operation_.tell(machine.config.name, MachineState::stopping);
    co_await running.stop(StopOptions());
    co_return Place::free;
  }

  Task<void> start(MachineSpec machine) {
    const std::string name = machine.config.name;
    LaunchOptions launch;
    launch.state_root = root_;
    launch.lifetime = lifetime_;
    launch.readiness = machine.ready;
    launch.spec_hash = machine.hash;
    launch.spec = machine.source;
    if (machine.stop_grace) launch.stop_grace = *machine.stop_grace;
    if (machine.ssh) launch.ssh.emplace(machine.ssh->user, machine.ssh->key);
    launch.remake_disks = options_.recreate;
    launch.verify_disks = options_.verify;
    launch.on_warning = [this, name](std::string_view what) {
      // Of the fleet: among a machine's steps it would be shown for a moment, or not at all.
      operation_.tell("", MachineState::starting, fmt::format("warning: {}: {}", name, what));
    };
    launch.on_step = [this, name](std::string_view step) {
      const bool boots = step == "booting";
      operation_.tell(name, boots ? MachineState::booting : MachineState::starting, step);
    };
    Machine launched = co_await Machine::launch(machine.config, launch);
    Machine& running = started_.emplace_back(std::move(launched));
    if (const std::string next = next_step(machine.config); !next.empty()) {
      operation_.tell("", MachineState::starting, fmt::format("{}: {}", name, next));
    }
    if (!options_.wait) co_return;
    std::optional<Error> failed;
    try {
      co_await running.wait_ready();
    } catch (const Error& error) {
      failed = error;
    }
    if (!failed) co_return;
    if (!options_.keep_failed) co_await stop_failed(running, *failed);
    throw *failed;
  }

  /// Why it did not become ready matters more than why it could not be stopped.
  static Task<void> stop_failed(Machine& machine, Error& failed) {
    try {
      co_await machine.stop(StopOptions::kill());
    } catch (const Error& error) {
      static_cast<void>(
          std::move(failed).evidence(fmt::format("and it was not stopped: {}", error.what())));
    }
  }

  /// What this call started is gone afterwards, and what was there before still is.
  /// *Errors*: `conflict`, naming the machines that could not be undone.
  Task<void> undo() {
    std::vector<std::string> left;
    auto body = [&](TaskGroup& group) -> Task<void> {
      for (auto& machine : started_) group.start(&undo_one, &machine, &left);
      co_return;
    };
    co_await with_task_group(body);
    std::error_code ignored;  // it holds other machines, then
    std::filesystem::remove(root_ / fleet_, ignored);
    if (left.empty()) co_return;
    throw Error(ErrorKind::conflict,
                fmt::format("interrupted, and {} of {} started machines remain", left.size(),
                            started_.size()))
        .evidence_lines(left)
        .hint("look at them with `vmfleet ps`, remove them with `vmfleet down`");
  }

  static Task<void> undo_one(Machine* machine, std::vector<std::string>* left) {
    try {
      co_await machine->undo_launch();
    } catch (const Error& error) {
      left->push_back(fmt::format("{}: {}", machine->name(), error.what()));
    }
  }

  Loop& loop_;
  std::filesystem::path root_;
  std::string fleet_;
  Lifetime lifetime_;
  UpOptions options_;
  Operation operation_;
  Semaphore slots_;
  ImageStore store_;
  std::map<std::string, Image> images_;
  std::map<std::tuple<std::string, Arch, Accelerator>, Accelerator> accelerators_;
  bool key_tried_ = false;
  std::optional<Error> no_key_;
  std::list<Machine> started_;  ///< by this call
};

}  // namespace

Task<FleetReport> Fleet::up(FleetSpec spec, UpOptions options) {
  Loop& loop = co_await current_loop();
  Convergence convergence(loop, root_, name_, std::move(options), Lifetime::detached);
  co_return co_await convergence.run(std::move(spec));
}

Task<EphemeralFleet> Fleet::up_ephemeral(FleetSpec spec, UpOptions options) {
  Loop& loop = co_await current_loop();
  Convergence convergence(loop, root_, name_, std::move(options), Lifetime::ephemeral);
  EphemeralFleet fleet;
  fleet.report = co_await convergence.run(std::move(spec));
  fleet.machines = convergence.take_started();
  co_return fleet;
}

Task<std::vector<CommandLine>> Fleet::dry_run(FleetSpec spec, UpOptions options) {
  Loop& loop = co_await current_loop();
  Convergence convergence(loop, root_, name_, std::move(options), Lifetime::detached);
  const auto machines =
      co_await convergence.choose_and_complete(std::move(spec), Convergence::Keys::assume);
  std::vector<CommandLine> lines;
  for (const auto& machine : machines) {
    CommandLine line = co_await Machine::plan(machine.config, root_);
    lines.push_back(std::move(line));
  }
  co_return lines;
}

}  // namespace vmfleet
