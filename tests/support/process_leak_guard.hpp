// SPDX-License-Identifier: MIT
// ProcessLeakGuard: no process that a test started may outlive it, not even a detached one.
#pragma once

#include <chrono>
#include <map>
#include <string>

namespace vmfleet::test {

/// Make one at the start of a test. Processes started by children of this one count too: this
/// process becomes their parent when theirs ends.
class ProcessLeakGuard {
 public:
  ProcessLeakGuard();
  ProcessLeakGuard(const ProcessLeakGuard&) = delete;
  ProcessLeakGuard& operator=(const ProcessLeakGuard&) = delete;
  /// Kills what is left, and fails the test unless it is failing already.
  ~ProcessLeakGuard();

  /// Command lines of the processes that are left after `patience`; "" when there are none.
  [[nodiscard]] std::string leaked(std::chrono::milliseconds patience = std::chrono::seconds(5));

 private:
  [[nodiscard]] std::map<int, std::string> new_children() const;

  // A pid alone may be used again; together with its start time it is an identity.
  std::map<int, std::string> before_;
};

}  // namespace vmfleet::test
