// SPDX-License-Identifier: MIT
// run_bounded: a short command's output, within limits of time and size.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <vmfleet/base/result.hpp>

namespace vmfleet::qemu {

struct CommandOutput {
  CommandOutput() = default;

  std::string text;  ///< stdout and stderr, the first 16 KiB
  int status = 0;    ///< exit status, or 128 + signal
};

/// Blocks. *Errors*: `host_unfit` when it cannot be executed, `timed_out`, both naming the command.
Result<CommandOutput> run_bounded(const std::vector<std::string>& argv,
                                  std::chrono::milliseconds timeout);

}  // namespace vmfleet::qemu
