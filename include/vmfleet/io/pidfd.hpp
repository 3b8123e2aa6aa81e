// SPDX-License-Identifier: MIT
// Pidfd: a process held by a descriptor, so that its number cannot come to mean another.
#pragma once

#include <sys/types.h>

#include <optional>

#include <vmfleet/async/loop.hpp>
#include <vmfleet/base/unique_fd.hpp>
#include <vmfleet/base/units.hpp>

namespace vmfleet {

/// *Source*: pidfd_open(2). *Threads*: waiting, its loop's own; the rest, any.
class Pidfd {
 public:
  /// nullopt when no such process exists. The caller proves afterwards that it is the one meant.
  static std::optional<Pidfd> open(pid_t pid);
  explicit Pidfd(UniqueFd fd, pid_t pid) noexcept : fd_(std::move(fd)), pid_(pid) {}

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  /// False when it has ended already. *Errors*: `unavailable` when not permitted.
  bool signal(int number) const;
  /// True once it has ended, also while nobody has reaped it.
  [[nodiscard]] bool ended() const noexcept;
  /// Waits for the end, of a child or of any other process; reaps nothing.
  Task<void> wait_end() const;
  /// The same for so long at most; whether it has ended then.
  Task<bool> ends_within(Milliseconds patience) const;

 private:
  UniqueFd fd_;
  pid_t pid_;
};

}  // namespace vmfleet
