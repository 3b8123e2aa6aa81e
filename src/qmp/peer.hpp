// SPDX-License-Identifier: MIT
// PeerWatch: what a silent server's process has been doing.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include <vmfleet/base/units.hpp>

namespace vmfleet::qmp {

enum class PeerState {
  unknown,  ///< no process to look at
  gone,
  stopped,  ///< by SIGSTOP or a debugger
  busy,     ///< its main thread, which serves monitors, is running or in the kernel
  idle,
};

/// Looks at the main thread now and when asked, so that a moment's state is not the whole evidence.
/// *Source*: proc_pid_stat(5), fields 3, 14 and 15.
class PeerWatch {
 public:
  /// Our own process stands for a server that is not there yet: nothing is known of it.
  explicit PeerWatch(std::optional<pid_t> pid);

  /// `waited`: how long ago the watch was made.
  [[nodiscard]] PeerState state(Milliseconds waited) const;
  [[nodiscard]] std::optional<pid_t> pid() const noexcept { return pid_; }

 private:
  std::optional<pid_t> pid_;
  std::uint64_t ticks_ = 0;
};

/// "QEMU (pid 12) is stopped", without what follows from it.
std::string describe(const PeerWatch& watch, PeerState state);

}  // namespace vmfleet::qmp
