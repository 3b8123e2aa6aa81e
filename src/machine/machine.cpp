// SPDX-License-Identifier: MIT
// Machine: life between launch and end.
#include <vmfleet/machine/machine.hpp>

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include <vmfleet/async/time.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/console/console.hpp>
#include <vmfleet/instance/identity.hpp>
#include <vmfleet/instance/locks.hpp>
#include <vmfleet/qmp/commands.hpp>

#include "machine/exit_report.hpp"
#include "machine/held_guest.hpp"
#include "machine/live.hpp"
#include "machine/rebuild.hpp"
#include "machine/resolve.hpp"
#include "machine/snapshot_record.hpp"

namespace vmfleet {

namespace {

// Who only looks at a machine holds its lock for microseconds.
constexpr Milliseconds kProbesPatience(20);

/// For a machine that nobody else shall find: a root of its own.
std::filesystem::path temporary_root() {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  const std::filesystem::path base = runtime != nullptr && *runtime != '\0'
                                         ? std::filesystem::path(runtime)
                                         : std::filesystem::temp_directory_path();
  std::string name = (base / "vmfleet-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw errno_error("make " + name, errno);
  return name;
}

/// The instance directory in a state root that is gone, too, when that cannot be made.
InstanceDirectory make_directory(const LaunchOptions& options, const MachineConfig& config,
                                 bool own_root) {
  try {
    return InstanceDirectory::create(options.state_root, config.fleet, config.name);
  } catch (const Error&) {
    std::error_code ignored;
    if (own_root) std::filesystem::remove(options.state_root / config.fleet, ignored);
    if (own_root) std::filesystem::remove(options.state_root, ignored);
    throw;
  }
}

TimePoint first_instruction_of(const Machine::Live& live) {
  // While it starts, that is not known yet.
  const std::int64_t began =
      live.state.started_ms > 0 ? live.state.started_ms : live.intent.created_ms;
  if (began == 0) return live.loop.now();
  const auto ago =
      std::chrono::system_clock::now() - std::chrono::system_clock::time_point(Milliseconds(began));
  return live.loop.now() - std::max(std::chrono::duration_cast<Duration>(ago), Duration(0));
}

Task<void> command(Machine::Live& live, Task<void> (*tell)(qmp::Client&)) {
  auto client = co_await live.connect();
  co_await tell(client);
}

Task<void> press_reset(Machine::Live& live, std::optional<Milliseconds> patience) {
  constexpr Milliseconds kPatience(5'000);
  auto client = co_await live.connect(patience);
  const auto lock = co_await OperationLock::obtain(live.directory, kPatience);
  // Before it does: nobody shall take the last boot's readiness for this one's.
  live.begin_boot();
  co_await qmp::system_reset(client);
}

/// The record is a cache: who asks next looks at the kernel first.
Task<void> unless_it_fails(Task<void> record) {
  try {
    co_await std::move(record);
  } catch (const Error&) {
    // What it was to tell matters more.
  }
}

Task<void> write_to_console(Machine::Live& live, std::string text) {
  constexpr Milliseconds kPatience(10'000);
  console::Console console(live.loop, live.directory.file(instance_file::kSerial),
                           live.directory.file(instance_file::kSerialIn));
  co_await console.send(std::move(text), kPatience);
}

}  // namespace

Machine::Machine(std::unique_ptr<Live> live) noexcept : live_(std::move(live)) {}
Machine::Machine(Machine&&) noexcept = default;
Machine& Machine::operator=(Machine&&) noexcept = default;
Machine::~Machine() = default;

Task<Machine> Machine::launch(MachineConfig config, LaunchOptions options) {
  Loop& loop = co_await current_loop();
  const bool own_root = options.state_root.empty();
  if (own_root && options.lifetime == Lifetime::detached) {
    throw Error(ErrorKind::invalid_config, "a detached machine needs a state root");
  }
  require_recordable(options.readiness);
  if (config.fleet.empty()) config.fleet = "default";
  if (config.name.empty()) config.name = "vm";
  if (own_root) options.state_root = temporary_root();
  auto live = std::make_unique<Live>(loop, make_directory(options, config, own_root));
  if (own_root) {  // nobody else's, whatever happens next
    live->lifetime = Lifetime::ephemeral;
    live->own_root = true;
  }
  const auto lock = co_await OperationLock::obtain(live->directory, kProbesPatience);
  const bool runs = co_await is_running(live->directory);
  if (runs) {
    throw Error(ErrorKind::conflict, fmt::format("{} is running already", config.name));
  }
  live->directory.require_ours_or_bare();
  live->is_new = !live->directory.has_records();
  // Records of a later vmfleet are not replaced.
  read_what_is_left(&read_intent, live->directory);
  if (auto known = read_what_is_left(&read_state, live->directory)) {
    live->state = *std::move(known);
  }
  // From here on the directory is ours.
  live->lifetime = options.lifetime;
  if (options.lifetime == Lifetime::ephemeral) live->directory.hold();
  co_await launch_into(*live, std::move(config), std::move(options));
  co_return Machine(std::move(live));
}

Task<void> Machine::relaunch(MachineConfig config, LaunchOptions options) {
  Machine again = co_await launch(std::move(config), std::move(options));
  again.live_->is_new = live_->is_new;
  live_ = std::move(again.live_);
}

Task<CommandLine> Machine::plan(MachineConfig config, std::filesystem::path state_root) {
  const auto directory = std::filesystem::absolute(state_root) / config.fleet / config.name;
  config = co_await resolve(std::move(config), directory);
  co_return build_command_line(config, Wires::in_directory(directory));
}

Task<void> require_events(qmp::Client& client, std::vector<std::string> names) {
  if (names.empty()) co_return;
  const std::vector<std::string> known = co_await qmp::query_events(client);
  for (const auto& name : names) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    std::string capitals = name;
    for (char& c : capitals) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    const std::string_view meant = nearest(capitals, known);
    throw Error(ErrorKind::invalid_config, fmt::format("QEMU has no event '{}'", sanitize(name)))
        .hint(meant.empty() ? "it has: " + join(known, " ")
                            : fmt::format("did you mean '{}'?", meant));
  }
}

namespace {

/// One that was killed, perhaps for want of memory.
void keep_logs_again(Machine::Live& live) {
  try {
    live.keep_logs();
  } catch (const Error&) {
    // Who launched the machine was told, and its report tells.
  }
}

}  // namespace

namespace {

/// *Errors*: `conflict` when somebody works on it, such as who takes a snapshot.
Task<void> let_go_on(Machine::Live& live) {
  if (!holds_guest(snapshots_of(live.directory.path()))) co_return;
  const auto lock = co_await OperationLock::obtain(live.directory, Milliseconds(0));
  co_await end_abandoned_snapshot(live);
}

}  // namespace

Task<std::unique_ptr<Machine::Live>> adopt_live(std::filesystem::path instance_directory) {
  Loop& loop = co_await current_loop();
  auto live = std::make_unique<Machine::Live>(loop, InstanceDirectory::open(instance_directory));
  const std::string name = live->directory.path().filename().string();
  auto qemu = find_qemu(live->directory);
  if (!qemu) throw Error(ErrorKind::exited, fmt::format("{} does not run", name));
  const auto intent = read_what_is_left(&read_intent, live->directory);
  live->intent = intent ? *intent : intent_of_qemu(live->directory, *qemu);
  live->intent.name = name;
  const auto state = read_what_is_left(&read_state, live->directory);
  if (state) live->state = *state;
  live->is_recorded = intent && state;
  if (live->state.state == MachineState::starting) {
    live->state.forwards.ports.clear();  // of its last life
  }
  live->readiness = readiness_from_json(live->intent.readiness);
  live->adopted = std::move(qemu);
  live->first_instruction = first_instruction_of(*live);
  keep_logs_again(*live);
  co_return live;
}

Task<Machine> Machine::adopt(std::filesystem::path instance_directory) {
  auto live = co_await adopt_live(std::move(instance_directory));
  try {
    if (!live->is_recorded) co_await rebuild_records(*live);
    co_await let_go_on(*live);
  } catch (const Error&) {
    // Whoever needs what only QEMU knows asks it, and is told that it does not answer.
  }
  co_return Machine(std::move(live));
}

Task<bool> recover_records(std::filesystem::path instance_directory) {
  const auto directory = InstanceDirectory::open(instance_directory);
  const bool recorded = read_what_is_left(&read_intent, directory).has_value() &&
                        read_what_is_left(&read_state, directory).has_value();
  const bool whole = recorded && !holds_guest(snapshots_of(directory.path()));
  if (whole || !is_alive(directory) || OperationLock::held(directory)) co_return false;
  auto live = co_await adopt_live(std::move(instance_directory));
  if (!recorded) co_await rebuild_records(*live);
  co_await let_go_on(*live);
  co_return true;
}

namespace {

/// What a clone has printed is its template's: until it has an identity of its own that makes
/// nobody ready.
Task<void> await_identity(Machine::Live& live) {
  const bool starts = live.state.state == MachineState::starting;
  if (live.intent.template_key.empty() || !starts) co_return;
  co_await wait_until_started(live.directory.path());
  live.state = live.recorded().value_or(live.state);
  if (live.state.state != MachineState::starting) co_return;
  throw Error(ErrorKind::unavailable,
              fmt::format("the start of {} was cut short: it has no identity of its own, but that "
                          "of the machine that it was cloned from",
                          live.intent.name))
      .hint("`vmfleet up` starts it anew");
}

}  // namespace

Task<ReadyReport> Machine::wait_ready(std::optional<Milliseconds> timeout) {
  Readiness readiness = live_->readiness;
  TimePoint since = live_->first_instruction;
  if (timeout) {
    readiness.timeout = *timeout;
    since = live_->loop.now();
  }
  co_await with_timeout(readiness.timeout, await_identity(*live_));
  std::optional<Error> failed;
  std::optional<ReadyReport> report;
  try {
    report = co_await await_readiness(*live_, std::move(readiness), since);
  } catch (const Error& error) {
    failed = error;
  }
  if (failed) {
    const bool gave_up = timeout && failed->kind() == ErrorKind::timed_out;
    if (!gave_up) co_await unless_it_fails(live_->record(MachineState::failed, nullptr, &*failed));
    throw *failed;
  }
  std::optional<MachineState> reached;
  if (!live_->readiness.empty()) {
    reached = MachineState::ready;
  } else if (!is_paused(live_->directory, live_->intent)) {
    reached = MachineState::running;
  }
  if (!reached) co_return *report;
  Task<void> record = live_->record(*reached, &*report, nullptr);
  // Who is to bring it up is told that others will take it for one that boots; who only waits has
  // seen what it waited for.
  if (timeout) {
    co_await unless_it_fails(std::move(record));
  } else {
    co_await std::move(record);
  }
  co_return *report;
}

Task<ReadyReport> Machine::wait_for(Readiness readiness) {
  const TimePoint since = live_->loop.now();
  try {
    if (!readiness.events.empty()) co_await live_->require_events(readiness.events);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::invalid_config) throw;
    // It need not answer to be waited for.
  }
  co_return co_await await_readiness(*live_, std::move(readiness), since);
}

Task<ExitReport> Machine::wait_exit() {
  const auto status = co_await live_->wait_end();
  const ExitReport exit = explain_exit(live_->directory, status, live_->intent.exit_codes);
  if (status) co_await unless_it_fails(live_->record_end(exit));  // nobody else knows it
  co_return exit;
}

Task<qmp::Client> Machine::connect(std::optional<Milliseconds> patience) {
  return with_qemu(*live_, live_->connect(patience));
}

Task<void> Machine::pause() {
  return with_qemu(*live_, command(*live_, &qmp::stop));
}

Task<void> Machine::resume() {
  return with_qemu(*live_, command(*live_, &qmp::cont));
}

Task<void> Machine::reset(std::optional<Milliseconds> patience) {
  return with_qemu(*live_, press_reset(*live_, patience));
}

Task<void> Machine::send(std::string text) {
  return with_qemu(*live_, write_to_console(*live_, std::move(text)));
}

const std::string& Machine::name() const noexcept {
  return live_->intent.name;
}
const std::string& Machine::uuid() const noexcept {
  return live_->intent.uuid;
}
pid_t Machine::pid() const noexcept {
  return live_->pidfd().pid();
}
const std::filesystem::path& Machine::directory() const noexcept {
  return live_->directory.path();
}
const std::vector<PortForward>& Machine::ports() const noexcept {
  return live_->state.forwards.ports;
}

const PortForward& Machine::port(std::string_view forward) const {
  std::vector<std::string> names;
  for (const auto& port : live_->state.forwards.ports) {
    if (port.name == forward) return port;
    names.push_back(port.name);
  }
  throw Error(ErrorKind::not_found,
              fmt::format("{} has no forward '{}'", name(), sanitize(forward)))
      .hint(names.empty() ? "it has none" : "it has: " + join(names, ", "));
}

MachineReport Machine::report() const {
  return inspect_machine(live_->directory.path());
}

}  // namespace vmfleet
