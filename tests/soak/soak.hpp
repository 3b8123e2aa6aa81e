// SPDX-License-Identifier: MIT
// What the soak tests share: how much they do, chance that can be repeated, programs in the
// background, and the QEMUs of a state folder.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <vmfleet/base/unique_fd.hpp>

#include "tests/cli/program.hpp"

namespace vmfleet::test {

/// `VMFLEET_SOAK=full` does what the documentation's figures are of; else a short form runs.
[[nodiscard]] int amount(int in_short, int in_full);

/// Random numbers from `VMFLEET_SOAK_SEED`, or a seed of its own; says which.
class Chance {
 public:
  explicit Chance(const char* what);
  [[nodiscard]] int below(int limit) { return static_cast<int>(engine_() % unsigned(limit)); }
  template <class T>
  [[nodiscard]] const T& one_of(const std::vector<T>& choices) {
    return choices[static_cast<std::size_t>(below(static_cast<int>(choices.size())))];
  }
  /// Anything up to the longest.
  [[nodiscard]] std::chrono::microseconds part_of(std::chrono::microseconds longest);

 private:
  std::mt19937 engine_;
};

/// What was seen, for the log: `# R1: 200 kills, …`.
void tell(const std::string& row, const std::string& figures);

/// Returns when the process ends, or after so long: the moment at which it is to be disturbed.
bool ends_within(pid_t pid, std::chrono::microseconds time);

/// The program in the background, its output in a file.
class Background {
 public:
  Background(const Vmfleet& world, Words arguments);
  Background(Background&& other) noexcept;
  Background& operator=(Background&&) = delete;
  ~Background();

  void signal(int number) const;
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] int pidfd() const noexcept { return pidfd_.get(); }
  [[nodiscard]] bool ended() const;
  /// Its exit code, or 128 and the signal's number. Fails the test when it takes minutes.
  int wait();
  /// What it has said on both streams.
  [[nodiscard]] std::string output() const;
  /// Since it was started.
  [[nodiscard]] std::chrono::milliseconds age() const;
  [[nodiscard]] const Words& arguments() const noexcept { return arguments_; }

 private:
  Words arguments_;
  std::string output_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  pid_t pid_ = -1;
  UniqueFd pidfd_;
};

/// How long a whole run of the command takes here and now.
[[nodiscard]] std::chrono::milliseconds time_of(const Vmfleet& world, const Words& arguments);

/// The QEMUs that live with machines in the world's state folder, by `FLEET/NAME`. Looks at the
/// processes, not at what the folder says.
[[nodiscard]] std::multimap<std::string, pid_t> live_qemus(const Vmfleet& world);

/// The same of a `ps` document.
[[nodiscard]] std::multimap<std::string, pid_t> listed_qemus(const json::Value& ps);

}  // namespace vmfleet::test
