// SPDX-License-Identifier: MIT
// ReadyWait: all conditions of one wait for readiness, watched at once. Private to this room.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <vmfleet/async/task_group.hpp>
#include <vmfleet/console/crash_watch.hpp>
#include <vmfleet/console/matcher.hpp>
#include <vmfleet/io/file_tail.hpp>
#include <vmfleet/qmp/event_log.hpp>

#include "machine/live.hpp"
#include "machine/reset_loop.hpp"

namespace vmfleet {

class ReadyWait {
 public:
  /// `since`: from when the wait counts.
  ReadyWait(Machine::Live& live, Readiness readiness, TimePoint since);

  /// Ends when the conditions hold; throws as soon as they cannot hold any more.
  Task<ReadyReport> run();
  /// For a wait whose time is over: reads what the logs hold now. The report when the conditions
  /// hold after all; throws as `run` does.
  Task<std::optional<ReadyReport>> look_once_more();
  /// Why they do not hold yet, for a wait that is given up.
  Error explain_timeout() const;

 private:
  struct Condition {
    explicit Condition(std::string text) : what(std::move(text)) {}
    std::string what;  ///< "serial 'login:'"
    bool met = false;
    std::string seen;          ///< what met it
    std::string last_attempt;  ///< of a probe that goes on
  };

  Condition& add(std::string what);
  void meet(Condition& condition, std::string_view seen);
  [[nodiscard]] ReadyReport report() const;
  [[nodiscard]] bool satisfied() const;

  Task<void> watch_serial();
  /// Waits for output; nullopt when there was some and it pauses now.
  Task<std::optional<TailChunk>> next_serial(bool at_rest);
  void take_serial(const TailChunk& chunk);
  /// What the guest printed until now; `at_rest` when it pauses.
  void read_serial(std::string_view data, bool at_rest);
  void judge(const std::optional<console::Crash>& crash);
  Task<void> watch_events();
  void take_events(const TailChunk& chunk);
  void look_at(const qmp::Event& event);
  void take_reset(const qmp::Event& event);
  /// What the logs hold and was not read.
  void read_rest();
  /// What the watchers have read may not have been looked at yet, and comes before the rest.
  Task<void> let_watchers_finish();
  void fail_if_panicked();
  Task<void> watch_end();
  Task<void> watch_port(Condition* condition, PortForward port, std::string prefix);
  Task<void> watch_agent(Condition* condition);
  Task<std::string> agent_version();
  void start_probes(TaskGroup& group);
  [[nodiscard]] const PortForward& find_port(const std::string& name) const;
  [[nodiscard]] const PortForward& find_ssh() const;

  void fail(Error error);
  [[nodiscard]] Milliseconds elapsed() const;

  Machine::Live& live_;
  Readiness readiness_;
  TimePoint since_;
  std::vector<std::unique_ptr<Condition>> conditions_;
  std::vector<console::Pattern> patterns_;
  std::vector<Condition*> by_pattern_;
  std::multimap<std::string, Condition*> by_event_;
  Condition* exit_ = nullptr;
  TaskGroup* group_ = nullptr;  // while run() is under way

  FileTail serial_;
  std::optional<console::Matcher> matcher_;
  console::CrashWatch crash_watch_;
  std::uint64_t serial_taken_ = serial_.offset();  ///< up to where it was looked at
  FileTail events_;
  std::uint64_t events_taken_ = events_.offset();
  qmp::EventLog event_log_;
  /// Resets before say nothing of what the guest does now.
  const qmp::Event::Time asked_ =
      std::chrono::time_point_cast<qmp::Event::Time::duration>(std::chrono::system_clock::now());
  ResetLoop resets_;
  bool panicked_ = false;
  bool failed_ = false;  // the first failure is told, not its echoes
};

}  // namespace vmfleet
