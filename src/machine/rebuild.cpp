// SPDX-License-Identifier: MIT
// What a machine that lives says of itself.
#include "machine/rebuild.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include <vmfleet/instance/locks.hpp>
#include <vmfleet/instance/log_keeper.hpp>
#include <vmfleet/io/process.hpp>
#include <vmfleet/qmp/commands.hpp>

namespace vmfleet {

namespace {

// Who only looks at a machine holds its lock for microseconds.
constexpr Milliseconds kLookersPatience(20);

/// It was told as its first argument.
std::optional<Bytes> limit_of_keeper(const InstanceDirectory& directory) {
  const auto keeper = find_log_keeper(directory);
  if (!keeper) return std::nullopt;
  const auto words = arguments_of(keeper->pid());
  std::uint64_t limit = 0;
  if (words.size() < 2) return std::nullopt;
  const std::string& number = words[1];
  std::from_chars(number.data(), number.data() + number.size(), limit);
  return limit == 0 ? std::nullopt : std::optional(Bytes(limit));
}

/// The value of an option that is there once.
std::string value_of(const std::vector<std::string>& argv, std::string_view option) {
  const auto found = std::find(argv.begin(), argv.end(), option);
  return found == argv.end() || found + 1 == argv.end() ? "" : *(found + 1);
}

std::int64_t beginning_of(const InstanceDirectory& directory) {
  struct stat status {};
  if (::stat(directory.file(instance_file::kAlive).c_str(), &status) != 0) return epoch_ms();
  return std::int64_t{status.st_mtim.tv_sec} * 1000 + status.st_mtim.tv_nsec / 1'000'000;
}

bool is_of(const PortForward& port, const Forward& forward) {
  return port.guest_port == forward.guest_port && port.protocol == to_string(forward.protocol) &&
         port.host_addr == forward.host_addr &&
         (forward.host_port == 0 || forward.host_port == port.host_port);
}

/// The names under which they were asked for; the others have those that a forward without one has.
void name_ports(std::vector<PortForward>& ports, const json::Value& asked) {
  std::vector<Forward> forwards;
  if (const json::Array* list = asked.as_array()) {
    for (const json::Value& one : *list) {
      if (auto forward = parse_forward(one.text("text"))) forwards.push_back(*forward);
    }
  }
  for (PortForward& port : ports) {
    const auto named = std::find_if(forwards.begin(), forwards.end(),
                                    [&](const Forward& forward) { return is_of(port, forward); });
    const std::string_view suffix = port.protocol == "udp" ? "-udp" : "";
    port.name = fmt::format("{}{}", port.guest_port, suffix);
    if (named == forwards.end()) continue;
    port.name = named->name;
    forwards.erase(named);
  }
}

Task<StateRecord> state_of(Machine::Live& live) {
  StateRecord state;
  qmp::Client client = co_await live.connect();
  const qmp::Status status = co_await qmp::query_status(client);
  const auto known = live.recorded();
  const bool was_up = known && known->state != MachineState::starting;
  if (status.state == "prelaunch" && was_up) live.intent.paused = true;  // it has come up so
  if (status.state == "prelaunch" && !live.intent.paused) {
    state.state = MachineState::starting;
    co_return state;
  }
  state.state = live.readiness.empty() ? MachineState::running : MachineState::booting;
  state.started_ms = live.intent.created_ms;
  const std::string usernet = co_await qmp::human_monitor_command(client, "info usernet");
  state.forwards.ports = parse_usernet(usernet);
  name_ports(state.forwards.ports, live.intent.forwards);
  co_return state;
}

}  // namespace

void mark_beginning(const InstanceDirectory& directory, std::int64_t created_ms) {
  // Each launch makes this file anew, and nobody writes to it.
  timespec time{};
  time.tv_sec = created_ms / 1000;
  time.tv_nsec = created_ms % 1000 * 1'000'000;
  const timespec both[] = {time, time};
  ::utimensat(directory.fd(), instance_file::kAlive, both, AT_SYMLINK_NOFOLLOW);
}

Intent intent_of_qemu(const InstanceDirectory& directory, const Pidfd& qemu) {
  Intent intent;
  intent.rebuilt = true;
  intent.name = directory.path().filename().string();
  intent.fleet = directory.path().parent_path().filename().string();
  intent.argv = arguments_of(qemu.pid());
  intent.uuid = value_of(intent.argv, "-uuid");
  intent.accel = value_of(intent.argv, "-accel");
  intent.boot_id = host_boot_id();
  intent.created_ms = beginning_of(directory);
  intent.ephemeral = directory.is_held();
  intent.log_limit = limit_of_keeper(directory);
  return intent;
}

Task<void> rebuild_records(Machine::Live& live) {
  StateRecord found = co_await state_of(live);
  if (auto known = live.recorded()) found = *std::move(known);  // the intent alone was lost
  live.state = found;
  if (found.state == MachineState::starting) co_return;
  std::optional<OperationLock> lock;
  try {
    lock = co_await OperationLock::obtain(live.directory, kLookersPatience);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::conflict) throw;
  }
  if (!lock || live.pidfd().ended()) co_return;
  if (!read_what_is_left(&read_intent, live.directory)) write_intent(live.directory, live.intent);
  if (!live.recorded()) write_state(live.directory, live.state);
}

}  // namespace vmfleet
