// SPDX-License-Identifier: MIT
// Machine: life between launch and end.
#include <vmfleet/machine/machine.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include <vmfleet/async/offload.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/console/console.hpp>
#include <vmfleet/instance/identity.hpp>
#include <vmfleet/instance/locks.hpp>
#include <vmfleet/io/files.hpp>
#include <vmfleet/qmp/commands.hpp>

#include "machine/exit_report.hpp"
#include "machine/live.hpp"

namespace vmfleet {

namespace {

// QEMU serves one client at a time on each monitor: when somebody keeps the first for longer than a
// few commands take, there is the second.
constexpr Milliseconds kOneClientPatience(500);

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

}  // namespace

Machine::Live::~Live() {
  if (lifetime != Lifetime::ephemeral) return;
  process.reset();  // kills and reaps it
  try {
    remove_directory();
  } catch (const Error&) {
    // Nothing can be reported from here; what is left holds nothing that runs.
  }
  std::error_code ignored;
  const auto fleet = directory.path().parent_path();
  std::filesystem::remove(fleet, ignored);
  if (own_root) std::filesystem::remove(fleet.parent_path(), ignored);
}

void Machine::Live::remove_directory() const {
  const auto lock = OperationLock::acquire(directory);
  // Since this one ended, another may have taken its place.
  const auto now = read_intent(directory);
  const bool taken = now && intent.created_ms != 0 && now->created_ms != intent.created_ms;
  if (!taken && !is_alive(directory)) directory.remove(intent.staged_files);
}

Task<std::optional<ExitStatus>> Machine::Live::wait_end() {
  if (process) {
    const ExitStatus status = co_await process->wait();
    co_return status;
  }
  co_await adopted->wait_end();
  co_return std::nullopt;
}

Task<qmp::Client> Machine::Live::connect() {
  qmp::ClientOptions options;
  options.peer_pid = pidfd().pid();
  const Milliseconds patience = std::exchange(options.greeting_timeout, kOneClientPatience);
  try {
    co_return co_await qmp::Client::connect(directory.file(instance_file::kControl), options);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::timed_out) throw;
  }
  options.greeting_timeout = patience;
  co_return co_await qmp::Client::connect(directory.file(instance_file::kQmp), options);
}

std::optional<ExitReport> Machine::Live::end_so_far() {
  if (!pidfd().ended()) return std::nullopt;
  std::optional<ExitStatus> status;
  if (process) status = process->poll();
  return explain_exit(directory, status, intent.exit_codes);
}

Task<void> Machine::Live::record(MachineState reached, const ReadyReport* report,
                                 const Error* error) {
  constexpr Milliseconds kPatience(1'000);
  const auto note = [&](StateRecord& known) {
    known.state = reached;
    known.ready_after.reset();
    known.error.reset();
    if (report != nullptr) known.ready_after = report->took;
    if (error != nullptr) known.error = *error;
  };
  note(state);
  try {
    const auto lock = co_await OperationLock::obtain(directory, kPatience);
    const auto life = read_intent(directory);
    StateRecord known = read_state(directory).value_or(state);
    if (!life || life->created_ms != intent.created_ms || known.exit) co_return;
    if (state.started_ms != 0 && known.started_ms != state.started_ms) co_return;
    note(known);
    known.exit = end_so_far();
    if (known.exit && error == nullptr) known.state = state_after(*known.exit);
    write_state(directory, known);
  } catch (const Error&) {
    // Who works on the machine for so long records what becomes of it; and the record is a cache:
    // who asks next looks at the kernel first.
  }
}

void Machine::Live::begin_boot() {
  const auto size_of = [this](const char* name) -> std::uint64_t {
    std::error_code none;
    const auto size = std::filesystem::file_size(directory.file(name), none);
    return none ? 0 : size;
  };
  if (const auto known = read_state(directory)) state = *known;
  state.serial_begin = size_of(instance_file::kSerial);
  state.events_begin = size_of(instance_file::kEvents);
  state.started_ms = epoch_ms();
  state.state = readiness.empty() ? MachineState::running : MachineState::booting;
  state.ready_after.reset();
  state.error.reset();
  write_state(directory, state);
  first_instruction = loop.now();
}

void Machine::Live::recall_forwards() {
  try {
    const auto known = read_state(directory);
    if (!known) return;
    state.ports = known->ports;
    state.removed_forwards = known->removed_forwards;
  } catch (const Error&) {
    // They are a cache: the machine is ended all the same.
  }
}

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
  if (is_alive(live->directory)) {
    throw Error(ErrorKind::conflict, fmt::format("{} is running already", config.name));
  }
  live->is_new = !read_intent(live->directory);
  live->directory.remove_wires();
  // From here on the directory is ours.
  live->lifetime = options.lifetime;
  co_await launch_into(*live, std::move(config), std::move(options));
  co_return Machine(std::move(live));
}

Task<CommandLine> Machine::plan(MachineConfig config, std::filesystem::path state_root) {
  const auto directory = std::filesystem::absolute(state_root) / config.fleet / config.name;
  config = co_await resolve(std::move(config), directory);
  co_return build_command_line(config, Wires::in_directory(directory));
}

Task<std::unique_ptr<Machine::Live>> adopt_live(std::filesystem::path instance_directory) {
  Loop& loop = co_await current_loop();
  auto live = std::make_unique<Machine::Live>(loop, InstanceDirectory::open(instance_directory));
  const std::string name = live->directory.path().filename().string();
  auto qemu = find_qemu(live->directory);
  if (!qemu) throw Error(ErrorKind::exited, fmt::format("{} does not run", name));
  const auto intent = read_intent(live->directory);
  if (intent) live->intent = *intent;
  live->intent.name = name;
  if (const auto state = read_state(live->directory)) live->state = *state;
  if (live->state.state == MachineState::starting) live->state.ports.clear();  // of its last life
  live->readiness = readiness_from_json(live->intent.readiness);
  live->adopted = std::move(qemu);
  live->first_instruction = first_instruction_of(*live);
  co_return live;
}

Task<Machine> Machine::adopt(std::filesystem::path instance_directory) {
  auto live = co_await adopt_live(std::move(instance_directory));
  co_return Machine(std::move(live));
}

Task<ReadyReport> Machine::wait_ready(std::optional<Milliseconds> timeout) {
  Readiness readiness = live_->readiness;
  TimePoint since = live_->first_instruction;
  if (timeout) {
    readiness.timeout = *timeout;
    since = live_->loop.now();
  }
  std::optional<Error> failed;
  std::optional<ReadyReport> report;
  try {
    report = co_await await_readiness(*live_, std::move(readiness), since);
  } catch (const Error& error) {
    failed = error;
  }
  if (failed) {
    const bool gave_up = timeout && failed->kind() == ErrorKind::timed_out;
    if (!gave_up) co_await live_->record(MachineState::failed, nullptr, &*failed);
    throw *failed;
  }
  if (!live_->readiness.empty()) {
    co_await live_->record(MachineState::ready, &*report, nullptr);
  } else if (!is_paused(live_->directory, live_->intent)) {
    co_await live_->record(MachineState::running, &*report, nullptr);
  }
  co_return *report;
}

Task<ReadyReport> Machine::wait_for(Readiness readiness) {
  return await_readiness(*live_, std::move(readiness), live_->loop.now());
}

Task<ExitReport> Machine::wait_exit() {
  const auto status = co_await live_->wait_end();
  co_return explain_exit(live_->directory, status, live_->intent.exit_codes);
}

Task<qmp::Client> Machine::connect() {
  return live_->connect();
}

Task<void> Machine::pause() {
  auto client = co_await connect();
  co_await qmp::stop(client);
}

Task<void> Machine::resume() {
  auto client = co_await connect();
  co_await qmp::cont(client);
}

Task<void> Machine::reset() {
  constexpr Milliseconds kPatience(5'000);
  auto client = co_await connect();
  const auto lock = co_await OperationLock::obtain(live_->directory, kPatience);
  live_
      ->begin_boot();  // before it does: nobody shall take the last boot's readiness for this one's
  co_await qmp::system_reset(client);
}

Task<void> Machine::send(std::string text) {
  constexpr Milliseconds kPatience(10'000);
  console::Console console(live_->loop, live_->directory.file(instance_file::kSerial),
                           live_->directory.file(instance_file::kSerialIn));
  co_await console.send(std::move(text), kPatience);
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
  return live_->state.ports;
}

const PortForward& Machine::port(std::string_view forward) const {
  std::vector<std::string> names;
  for (const auto& port : live_->state.ports) {
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
