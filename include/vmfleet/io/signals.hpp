// SPDX-License-Identifier: MIT
// Signals: SIGINT and friends as something to await.
#pragma once

#include <memory>
#include <vector>

#include <vmfleet/async/loop.hpp>

namespace vmfleet {

/// While it exists, these signals do not end the process; each arrival is queued.
/// *Threads*: its loop's own.
class Signals {
 public:
  Signals(Loop& loop, const std::vector<int>& numbers);
  Signals(Signals&&) noexcept;
  ~Signals();

  /// The number of the next signal that arrived.
  Task<int> next();

 private:
  class State;
  std::unique_ptr<State> state_;
};

/// From now on these signals do not end the process, whether anybody watches them or not: for one
/// that has been told to end and is on its way.
void hold_off_signals(const std::vector<int>& numbers);

}  // namespace vmfleet
