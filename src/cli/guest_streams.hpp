// SPDX-License-Identifier: MIT
// GuestStreams: what a guest writes to our stdout and stderr through a program of ours, such as
// ssh.
#pragma once

#include <list>
#include <string_view>

#include <vmfleet/async/task.hpp>
#include <vmfleet/base/unique_fd.hpp>
#include <vmfleet/io/process.hpp>

#include "cli/context.hpp"

namespace vmfleet::cli {

/// A guest must not drive the user's terminal: of a stream that is one it gets a pipe, and what
/// comes is shown without escape sequences. A file gets what the guest wrote.
class GuestStreams {
 public:
  GuestStreams(const Context& context, bool raw) : context_(context), raw_(raw) {}

  /// Changes what the child gets of our streams.
  void put_between(ProcessOptions& options);
  /// Until the child has ended and all was shown.
  Task<ExitStatus> wait(Process& process);

 private:
  struct Between {
    const Stream* shown = nullptr;
    UniqueFd read;
    UniqueFd write;
  };

  static Task<void> show(Between* between);

  const Context& context_;
  bool raw_;
  std::list<Between> betweens_;
};

}  // namespace vmfleet::cli
