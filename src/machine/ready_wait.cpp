// SPDX-License-Identifier: MIT
// Waiting for readiness, and explaining why it does not come.
#include "machine/ready_wait.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <vmfleet/async/time.hpp>
#include <vmfleet/base/text.hpp>

#include "machine/exit_report.hpp"
#include "machine/probes.hpp"

namespace vmfleet {

namespace {

constexpr std::size_t kShownLines = 12;
// A guest may reboot once on purpose; one that does it again without becoming ready is in a loop.
constexpr std::size_t kResetLoop = 3;

}  // namespace

ReadyWait::ReadyWait(Machine::Live& live, Readiness readiness)
    : live_(live),
      readiness_(std::move(readiness)),
      serial_(live.loop, live.directory.file(instance_file::kSerial)),
      events_(live.loop, live.directory.file(instance_file::kEvents)) {
  std::vector<console::Pattern> patterns;
  for (const auto& text : readiness_.serial) {
    by_pattern_.push_back(&add(fmt::format("serial '{}'", sanitize(text))));
    patterns.push_back(console::Pattern::literal(text));
  }
  for (const auto& expression : readiness_.regex) {
    by_pattern_.push_back(&add(fmt::format("regex '{}'", sanitize(expression))));
    patterns.push_back(console::Pattern::regex(expression));
  }
  for (const auto& name : readiness_.events) {
    by_event_[name] = &add(fmt::format("event {}", sanitize(name)));
  }
  if (readiness_.exit) exit_ = &add("the machine's end");
  const std::vector<std::string> crashes = {"Kernel panic - not syncing"};
  for (const auto& text : readiness_.fail ? *readiness_.fail : crashes) {
    crash_words_.push_back(text);
    patterns.push_back(console::Pattern::literal(text));
  }
  if (!patterns.empty()) matcher_.emplace(console::PatternSet(std::move(patterns)));
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
    if (matcher_) group.start(serial);
    group.start(events);
    group.start(end);
    start_probes(group);
    co_return;
  };
  co_await with_task_group(body);
  group_ = nullptr;
  ReadyReport report;
  report.took = elapsed();
  for (const auto& condition : conditions_) {
    if (condition->met) report.seen.push_back(condition->seen);
  }
  co_return report;
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
}

const PortForward& ReadyWait::find_port(const std::string& name) const {
  std::vector<std::string> names;
  for (const auto& port : live_.state.ports) {
    if (port.name == name && port.protocol == "tcp") return port;
    names.push_back(port.name);
  }
  throw Error(ErrorKind::invalid_config,
              fmt::format("readiness asks for port '{}', which is not forwarded", sanitize(name)))
      .hint(names.empty() ? "add a forward, for example --forward ssh:22"
                          : "the forwards are: " + join(names, ", "));
}

const PortForward& ReadyWait::find_ssh() const {
  for (const auto& port : live_.state.ports) {
    if (port.protocol == "tcp" && (port.name == "ssh" || port.guest_port == 22)) return port;
  }
  return find_port("ssh");
}

Task<void> ReadyWait::watch_serial() {
  for (;;) {
    const TailChunk chunk = co_await serial_.next();
    if (chunk.restarted) matcher_->restart(chunk.offset);
    look_at(matcher_->feed(chunk.data));
    look_at(matcher_->at_rest());
  }
}

void ReadyWait::look_at(const std::vector<console::Match>& matches) {
  for (const auto& match : matches) {
    const std::string line = sanitize(trim(match.line));
    if (match.pattern < by_pattern_.size()) {
      meet(*by_pattern_[match.pattern], line);
    } else if (!satisfied()) {
      fail(ErrorKind::exited, fmt::format("the guest failed: {}", line),
           "the console's last lines are above; `vmfleet logs` has all of them");
    }
  }
}

Task<void> ReadyWait::watch_events() {
  for (;;) {
    const TailChunk chunk = co_await events_.next();
    for (const auto& event : event_log_.feed(chunk.data)) look_at(event);
  }
}

void ReadyWait::look_at(const qmp::Event& event) {
  if (const auto found = by_event_.find(event.name); found != by_event_.end()) {
    meet(*found->second, json::write(event.data));
  }
  if (satisfied()) return;
  if (event.name == "GUEST_PANICKED") {
    if (matcher_) look_at(matcher_->feed(serial_.poll().data));  // the guest's own words say more
    fail(ErrorKind::exited, "the guest panicked", "`vmfleet logs` has the whole console");
  }
  if (event.name == "RESET" && event.data.flag("guest", false) && ++resets_ >= kResetLoop) {
    fail(ErrorKind::exited,
         fmt::format("the guest reset itself {} times without becoming ready", resets_),
         "a triple fault or a failing boot loader does this; look at the console's last lines");
  }
}

Task<void> ReadyWait::watch_end() {
  const auto status = co_await live_.wait_end();
  // What was written before the end counts.
  for (;;) {
    const TailChunk chunk = serial_.poll();
    if (chunk.data.empty() || !matcher_) break;
    look_at(matcher_->feed(chunk.data));
  }
  if (matcher_) look_at(matcher_->at_rest());
  for (const auto& event : event_log_.feed(events_.poll().data)) look_at(event);
  const ExitReport exit = explain_exit(live_.directory, status);
  const bool success = !exit.code || *exit.code == 0;
  if (exit_ != nullptr && success) meet(*exit_, exit.reason);
  if (satisfied()) co_return;
  Error error(ErrorKind::exited,
              fmt::format("the machine ended before it was ready: {}", exit.reason));
  error = std::move(error)
              .evidence_lines(qemu_words(live_.directory))
              .evidence_lines(last_serial_lines(live_.directory, kShownLines));
  throw std::move(error).hint("`vmfleet logs` has the whole console");
}

Task<void> ReadyWait::watch_port(Condition* condition, PortForward port, std::string prefix) {
  const std::string greeting = co_await probe_port(port, prefix, &condition->last_attempt);
  meet(*condition, greeting.empty() ? "the guest answers" : greeting);
}

void ReadyWait::fail(ErrorKind kind, std::string message, std::string hint) const {
  throw Error(kind, std::move(message))
      .hint(std::move(hint))
      .evidence_lines(last_serial_lines(live_.directory, kShownLines));
}

Error ReadyWait::explain_timeout() const {
  std::vector<std::string> missing;
  for (const auto& condition : conditions_) {
    if (condition->met) continue;
    missing.push_back(condition->last_attempt.empty()
                          ? condition->what
                          : fmt::format("{} ({})", condition->what, condition->last_attempt));
  }
  Error error(ErrorKind::timed_out, fmt::format("not ready after {}: missing {}",
                                                to_string(elapsed()), join(missing, ", ")));
  const auto lines = last_serial_lines(live_.directory, kShownLines);
  if (lines.empty()) error = std::move(error).evidence("the serial console is empty");
  return std::move(error).evidence_lines(lines).hint(
      summarize_events(live_.directory).paused
          ? "the machine is paused: `vmfleet resume` lets it run"
          : "allow more time with --timeout, or look at `vmfleet logs`");
}

Task<ReadyReport> await_readiness(Machine::Live& live, Readiness readiness) {
  if (readiness.empty()) co_return ReadyReport();
  const TimePoint deadline = live.first_instruction + readiness.timeout;
  ReadyWait wait(live, std::move(readiness));
  bool late = false;
  try {
    co_return co_await with_deadline(deadline, wait.run());
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::timed_out) throw;
    late = true;
  }
  VMFLEET_CHECK(late, "unreachable");
  throw wait.explain_timeout();
}

}  // namespace vmfleet
