// SPDX-License-Identifier: MIT
// Waiting for readiness, and explaining why it does not come.
#include "machine/ready_wait.hpp"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include <vmfleet/async/time.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/console/near_miss.hpp>
#include <vmfleet/qmp/agent_client.hpp>

#include "machine/exit_report.hpp"
#include "machine/probes.hpp"
#include "machine/standing.hpp"

namespace vmfleet {

namespace {

constexpr std::size_t kShownLines = 12;
constexpr Milliseconds kAgentPatience(500);
constexpr Milliseconds kConsolePause(50);
constexpr Milliseconds kTimeToAnswer(2'000);

console::CrashWatch make_crash_watch(const Readiness& readiness) {
  if (!readiness.fail) return console::CrashWatch();
  std::vector<console::Pattern> failures;
  for (const auto& text : *readiness.fail) failures.push_back(console::Pattern::literal(text));
  return console::CrashWatch(std::move(failures));
}

}  // namespace

ReadyWait::ReadyWait(Machine::Live& live, Readiness readiness, TimePoint since)
    : live_(live),
      readiness_(std::move(readiness)),
      since_(since),
      serial_(live.loop, live.directory.file(instance_file::kSerial), live.state.serial_begin),
      crash_watch_(make_crash_watch(readiness_)),
      events_(live.loop, live.directory.file(instance_file::kEvents), live.state.events_begin) {
  for (const auto& text : readiness_.serial) {
    by_pattern_.push_back(&add(fmt::format("serial '{}'", sanitize(text))));
    patterns_.push_back(console::Pattern::literal(text));
  }
  for (const auto& expression : readiness_.regex) {
    by_pattern_.push_back(&add(fmt::format("regex '{}'", sanitize(expression))));
    patterns_.push_back(console::Pattern::regex(expression));
  }
  if (!patterns_.empty()) matcher_.emplace(console::PatternSet(patterns_));
  for (const auto& name : readiness_.events) {
    by_event_.emplace(name, &add(fmt::format("event {}", sanitize(name))));
  }
  if (readiness_.exit) exit_ = &add("the machine's end");
}

ReadyWait::Condition& ReadyWait::add(std::string what) {
  conditions_.push_back(std::make_unique<Condition>(std::move(what)));
  return *conditions_.back();
}

Milliseconds ReadyWait::elapsed() const {
  return std::chrono::duration_cast<Milliseconds>(live_.loop.now() - live_.first_instruction);
}

bool ReadyWait::satisfied() const {
  const auto met = [](const auto& condition) { return condition->met; };
  return readiness_.any ? std::any_of(conditions_.begin(), conditions_.end(), met)
                        : std::all_of(conditions_.begin(), conditions_.end(), met);
}

void ReadyWait::meet(Condition& condition, std::string_view seen) {
  if (condition.met) return;
  condition.met = true;
  condition.seen = fmt::format("{}: {}", condition.what, seen);
  if (satisfied() && group_ != nullptr) group_->cancel();
}

Task<ReadyReport> ReadyWait::run() {
  auto body = [&](TaskGroup& group) -> Task<void> {
    group_ = &group;
    auto serial = [this]() { return watch_serial(); };
    auto events = [this]() { return watch_events(); };
    auto end = [this]() { return watch_end(); };
    start_probes(group);  // first: it completes the list of conditions
    group.start(serial);
    group.start(events);
    group.start(end);
    co_return;
  };
  try {
    co_await with_task_group(body);
  } catch (...) {
    group_ = nullptr;
    throw;
  }
  group_ = nullptr;
  co_return report();
}

ReadyReport ReadyWait::report() const {
  ReadyReport report;
  report.took = elapsed();
  for (const auto& condition : conditions_) {
    if (condition->met) report.seen.push_back(condition->seen);
  }
  return report;
}

Task<std::optional<ReadyReport>> ReadyWait::look_once_more() {
  // A long log does not hold up the loop; and of a guest that prints on and on it is read to where
  // it ended at first.
  std::error_code none;
  const auto end = std::filesystem::file_size(live_.directory.file(instance_file::kSerial), none);
  while (!none && serial_.offset() < end && !satisfied()) {
    const TailChunk chunk = serial_.poll();
    if (chunk.data.empty()) break;
    take_serial(chunk);
    co_await yield_now();
  }
  read_rest();
  fail_if_panicked();
  if (!satisfied()) co_return std::nullopt;
  co_return report();
}

void ReadyWait::start_probes(TaskGroup& group) {
  for (const auto& name : readiness_.ports) {
    Condition& condition = add(fmt::format("port {}", sanitize(name)));
    const PortForward port = find_port(name);
    auto probe = [this, target = &condition, port]() { return watch_port(target, port, ""); };
    group.start(probe);
  }
  if (readiness_.ssh) {
    Condition& condition = add("ssh");
    const PortForward port = find_ssh();
    auto probe = [this, target = &condition, port]() { return watch_port(target, port, "SSH-"); };
    group.start(probe);
  }
  if (readiness_.agent) {
    auto probe = [this, target = &add("agent")]() { return watch_agent(target); };
    group.start(probe);
  }
}

const PortForward& ReadyWait::find_port(const std::string& name) const {
  std::vector<std::string> names;
  for (const auto& port : live_.state.forwards.ports) {
    if (port.name == name && port.protocol == "tcp") return port;
    names.push_back(port.name);
  }
  throw Error(ErrorKind::invalid_config,
              fmt::format("readiness asks for port '{}', which is not forwarded", sanitize(name)))
      .hint(names.empty() ? "add a forward, for example --forward ssh:22"
                          : "the forwards are: " + join(names, ", "));
}

const PortForward& ReadyWait::find_ssh() const {
  const PortForward* port = find_ssh_port(live_.state.forwards.ports);
  return port != nullptr ? *port : find_port("ssh");
}

Task<void> ReadyWait::watch_serial() {
  bool at_rest = true;
  for (;;) {
    const auto chunk = co_await next_serial(at_rest);
    at_rest = !chunk.has_value();
    if (at_rest) {
      read_serial("", true);
      continue;
    }
    take_serial(*chunk);
  }
}

void ReadyWait::take_serial(const TailChunk& chunk) {
  serial_taken_ = chunk.offset + chunk.data.size();
  if (chunk.restarted) {
    if (matcher_) matcher_->restart(chunk.offset);
    crash_watch_.restart(chunk.offset);
  }
  read_serial(chunk.data, false);
}

void ReadyWait::read_rest() {
  for (TailChunk chunk = serial_.poll(); !chunk.data.empty(); chunk = serial_.poll()) {
    take_serial(chunk);
  }
  read_serial("", true);
  for (TailChunk chunk = events_.poll(); !chunk.data.empty(); chunk = events_.poll()) {
    take_events(chunk);
  }
}

Task<void> ReadyWait::let_watchers_finish() {
  while (serial_taken_ != serial_.offset() || events_taken_ != events_.offset()) {
    co_await yield_now();
  }
}

// QEMU writes the console byte by byte: only a pause tells an open line from a half-written one.
Task<std::optional<TailChunk>> ReadyWait::next_serial(bool at_rest) {
  if (at_rest) co_return co_await serial_.next();
  try {
    co_return co_await with_timeout(kConsolePause, serial_.next());
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::timed_out) throw;
  }
  co_return std::nullopt;
}

void ReadyWait::read_serial(std::string_view data, bool at_rest) {
  if (matcher_) {
    auto matches = matcher_->feed(data);
    if (at_rest) {
      for (auto& match : matcher_->at_rest()) matches.push_back(std::move(match));
    }
    for (const auto& match : matches) meet(*by_pattern_[match.pattern], sanitize(trim(match.line)));
  }
  judge(crash_watch_.feed(data));
  if (at_rest) judge(crash_watch_.at_rest());
}

void ReadyWait::judge(const std::optional<console::Crash>& crash) {
  if (!crash || satisfied()) return;
  fail(Error(ErrorKind::exited, fmt::format("the guest failed: {}", sanitize(trim(crash->line))))
           .hint(crash->explanation));
}

Task<void> ReadyWait::watch_events() {
  for (;;) {
    const TailChunk chunk = co_await events_.next();
    take_events(chunk);
    if (!panicked_) continue;
    co_await sleep_for(kConsolePause);  // what the guest printed may come after the event
    fail_if_panicked();
  }
}

void ReadyWait::take_events(const TailChunk& chunk) {
  events_taken_ = chunk.offset + chunk.data.size();
  if (chunk.restarted) event_log_ = qmp::EventLog();
  for (const auto& event : event_log_.feed(chunk.data)) look_at(event);
}

void ReadyWait::fail_if_panicked() {
  if (!panicked_ || satisfied()) return;
  read_rest();  // the guest's own words say more
  fail(Error(ErrorKind::exited, "the guest panicked").hint("`vmfleet logs` has the whole console"));
}

void ReadyWait::look_at(const qmp::Event& event) {
  const auto [first, last] = by_event_.equal_range(event.name);
  for (auto asked = first; asked != last; ++asked) meet(*asked->second, json::write(event.data));
  if (satisfied()) return;
  if (event.name == "GUEST_PANICKED") panicked_ = true;
  if (event.name != "RESET") return;
  take_reset(event);
}

void ReadyWait::take_reset(const qmp::Event& event) {
  if (event.timestamp < asked_) return;
  std::error_code none;  // as it is now: what was read of it may lag behind
  const auto size = std::filesystem::file_size(live_.directory.file(instance_file::kSerial), none);
  const std::uint64_t printed = none ? 0 : size;
  if (!event.data.flag("guest", false)) return resets_.pressed(event.timestamp, printed);
  if (!resets_.by_guest(event.timestamp, printed)) return;
  fail(
      Error(ErrorKind::exited,
            fmt::format("the guest reset itself {} times without becoming ready", resets_.resets()))
          .hint("a triple fault or a failing boot loader does this; look at its last lines"));
}

Task<void> ReadyWait::watch_end() {
  const auto status = co_await live_.wait_end();
  co_await let_watchers_finish();
  read_rest();  // what was written before the end counts
  fail_if_panicked();
  const auto& codes = live_.intent.exit_codes;
  const ExitReport exit = explain_exit(live_.directory, status, codes);
  if (exit_ != nullptr && succeeded(exit, codes)) meet(*exit_, exit.reason);
  if (satisfied()) co_return;
  Error error(ErrorKind::exited,
              fmt::format("the machine ended before it was ready: {}", exit.reason));
  error = std::move(error).evidence_lines(qemu_words(live_.directory));
  fail(std::move(error).hint("`vmfleet logs` has the whole console"));
}

Task<void> ReadyWait::watch_port(Condition* condition, PortForward port, std::string prefix) {
  const std::string greeting = co_await probe_port(port, prefix, &condition->last_attempt);
  meet(*condition, greeting.empty() ? "the guest answers" : greeting);
}

Task<void> ReadyWait::watch_agent(Condition* condition) {
  for (;;) {
    try {
      const std::string version = co_await agent_version();
      meet(*condition, fmt::format("version {}", sanitize(version)));
      co_return;
    } catch (const Error& error) {
      condition->last_attempt = error.message();
    }
    co_await sleep_for(kAgentPatience);
  }
}

Task<std::string> ReadyWait::agent_version() {
  UnixSocket socket = co_await UnixSocket::connect(live_.directory.file(instance_file::kAgent));
  auto agent = co_await qmp::AgentClient::attach(std::move(socket), kAgentPatience);
  co_return co_await agent.version();
}

void ReadyWait::fail(Error error) {
  if (failed_) return;
  failed_ = true;
  throw std::move(error).evidence_lines(last_serial_lines(live_.directory, kShownLines));
}

Error ReadyWait::explain_timeout() const {
  std::vector<std::string> missing;
  std::vector<std::string> seen;
  for (const auto& condition : conditions_) {
    if (condition->met) {
      seen.push_back("seen: " + condition->seen);
    } else if (condition->last_attempt.empty()) {
      missing.push_back(condition->what);
    } else {
      missing.push_back(fmt::format("{} ({})", condition->what, condition->last_attempt));
    }
  }
  const auto waited = std::chrono::duration_cast<Milliseconds>(live_.loop.now() - since_);
  Error error(ErrorKind::timed_out, fmt::format("not ready after {}: missing {}", to_string(waited),
                                                join(missing, ", ")));
  error = std::move(error).evidence_lines(seen).evidence_lines(describe_standing(live_));
  const auto lines = last_serial_lines(live_.directory, kShownLines);
  for (std::size_t i = 0; i < patterns_.size(); ++i) {
    if (by_pattern_[i]->met) continue;
    if (const auto near = console::near_miss(patterns_[i], lines)) {
      error = std::move(error).evidence(
          fmt::format("nearest to {}: {}", by_pattern_[i]->what, near->line));
    }
  }
  if (!lines.empty()) error = std::move(error).evidence("the last lines of the console:");
  for (const auto& line : lines) error = std::move(error).evidence("  " + line);
  return std::move(error).hint(
      is_paused(live_.directory, live_.intent)
          ? fmt::format("the machine is paused: `vmfleet resume {}` lets it run", live_.intent.name)
          : fmt::format("allow more time with --timeout, or look at `vmfleet logs {}`",
                        live_.intent.name));
}

Task<ReadyReport> await_readiness(Machine::Live& live, Readiness readiness, TimePoint since) {
  if (readiness.empty()) co_return ReadyReport();
  TimePoint deadline = deadline_after(since, readiness.timeout);
  // Also of a wait that begins late: the logs can be read, but the guest has to be asked.
  const bool asks = readiness.ssh || readiness.agent || !readiness.ports.empty();
  if (asks) deadline = std::max(deadline, live.loop.now() + kTimeToAnswer);
  ReadyWait wait(live, std::move(readiness), since);
  try {
    co_return co_await with_deadline(deadline, wait.run());
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::timed_out) throw;
  }
  if (const auto report = co_await wait.look_once_more()) co_return *report;
  throw wait.explain_timeout();
}

}  // namespace vmfleet
